"""Runs every check of scim2-tester against a SCIM service. usage: check.py BASE_URL   (the token is in SCIM_TOKEN)

Says what was checked, and ends with 1 when anything is wrong or nearly nothing was checked.
"""

import os
import sys
from collections import Counter

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

# Fewer checks than this mean that the service could not be discovered.
CHECKS_MIN = 60


def main(base_url):
    headers = {"Authorization": f"Bearer {os.environ['SCIM_TOKEN']}"}
    with Client(base_url=base_url, headers=headers, timeout=30, trust_env=False) as http:
        results = check_server(SyncSCIMClient(http))
    counts = Counter(result.status for result in results)
    fine = {Status.SUCCESS, Status.SKIPPED, getattr(Status, "COMPLIANT", None), getattr(Status, "ACCEPTABLE", None)}
    wrong = [result for result in results if result.status not in fine]
    for result in wrong:
        print(f"{result.status.name} {result.title} {result.resource_type or ''}: {result.reason}")
    for result in results:
        if result.status == Status.SKIPPED:
            print(f"skipped: {result.title} {result.resource_type or ''}: {result.reason}")
    print(", ".join(f"{status.name.lower()}: {count}" for status, count in counts.items()))
    return 1 if wrong or counts[Status.SUCCESS] < CHECKS_MIN else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
