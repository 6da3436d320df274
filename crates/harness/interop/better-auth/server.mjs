// better-auth's SCIM plugin behind Node's HTTP server, with everything in memory. Usage: SCIM_TOKEN=... node server.mjs PORT
import { createServer } from "node:http";

import { scim } from "@better-auth/scim";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { getAuthTables } from "better-auth/db";
import { toNodeHandler } from "better-auth/node";

const port = Number(process.argv[2]);
const token = process.env.SCIM_TOKEN;

const options = {
  // Protects nothing: the data is made up, the port is loopback.
  secret: "not-a-secret-not-a-secret-not-a-secret",
  baseURL: `http://127.0.0.1:${port}`,
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  logger: { level: "error" },
  plugins: [scim({ connections: [{ id: "usher", credentials: [{ type: "bearer", id: "usher", token }] }] })],
};
const tables = Object.fromEntries(
  Object.entries(getAuthTables(options)).map(([key, table]) => [table.modelName ?? key, []]),
);
const auth = betterAuth({ ...options, database: memoryAdapter(tables) });
createServer(toNodeHandler(auth)).listen(port, "127.0.0.1");
