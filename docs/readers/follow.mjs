// Prints a value now and after every change: node follow.mjs controlplane/values/failover/checkout
// Needs the package `consul` (npm install consul). It waits, retries and backs off by itself.
import Consul from "consul";

const [host, port] = (process.env.CONSUL_HTTP_ADDR ?? "127.0.0.1:8500").split(":");
const token = process.env.CONSUL_HTTP_TOKEN;
const consul = new Consul({ host, port: Number(port), defaults: token ? { token } : {} });

let value;
const watch = consul.watch({
  method: consul.kv.get,
  options: { key: process.argv[2], wait: "30s" },
  backoffFactor: 500, // milliseconds
  backoffMax: 30_000,
});

watch.on("change", (entry) => {
  if (!entry) return; // no such key: keep the value
  const read = entry.Value ?? ""; // empty while the group is fenced
  if (read === value) return;
  value = read;
  console.log(value); // here a service acts
});

watch.on("error", (error) => console.error(`Consul: ${error.message}; ${value ?? "no value"} stays in force`));
