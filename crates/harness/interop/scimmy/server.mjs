// SCIMMY behind Express, with everything in memory. Usage: SCIM_TOKEN=... node server.mjs PORT
import { randomUUID } from "node:crypto";

import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const port = Number(process.argv[2]);
const token = process.env.SCIM_TOKEN;
const { Error: ScimError } = SCIMMY.Types;

/** Keeps resources by id, and lets no two have the same `key` attribute (without regard to case). */
class Store {
  #byId = new Map();
  #idByKey = new Map();

  constructor(key) {
    this.key = key;
  }

  #get(id) {
    const found = this.#byId.get(id);
    if (!found) throw new ScimError(404, null, `there is no resource ${id}`);
    return found;
  }

  #keyOf(data) {
    return String(data[this.key] ?? "").toLowerCase();
  }

  // SCIMMY hands over the whole resource on create, replace and patch alike.
  write(resource, instance) {
    const data = JSON.parse(JSON.stringify(instance));
    const before = resource.id ? this.#get(resource.id) : undefined;
    const id = resource.id ?? randomUUID();
    const holder = this.#idByKey.get(this.#keyOf(data));
    if (holder && holder !== id) throw new ScimError(409, "uniqueness", `${this.key} is taken`);
    if (before) this.#idByKey.delete(this.#keyOf(before));
    const now = new Date().toISOString();
    const record = { ...data, id, meta: { created: before?.meta.created ?? now, lastModified: now } };
    this.#byId.set(id, record);
    this.#idByKey.set(this.#keyOf(record), id);
    return record;
  }

  read(resource) {
    if (resource.id) return this.#get(resource.id);
    const all = [...this.#byId.values()];
    return resource.filter ? resource.filter.match(all) : all;
  }

  remove(resource) {
    this.#idByKey.delete(this.#keyOf(this.#get(resource.id)));
    this.#byId.delete(resource.id);
  }
}

function declare(type, key) {
  const store = new Store(key);
  SCIMMY.Resources.declare(type)
    .ingress((resource, data) => store.write(resource, data))
    .egress((resource) => store.read(resource))
    .degress((resource) => store.remove(resource));
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
declare(SCIMMY.Resources.User, "userName");
declare(SCIMMY.Resources.Group, "displayName");

const app = express();
app.set("etag", false);
app.use(
  "/scim/v2",
  new SCIMMYRouters({
    type: "bearer",
    baseUri: (request) => `http://${request.headers.host}`,
    handler: (request) => {
      if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("wrong token");
      return "usher";
    },
  }),
);
app.listen(port, "127.0.0.1");
