// The vectors of docs/readers hold for the Node recipe: node --test, with the folder of vectors in VECTORS.
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bucket, checksum, judge, member, parse, shorten, Switches } from "./switches.mjs";

const vectors = (file) => JSON.parse(readFileSync(`${process.env.VECTORS}/${file}`, "utf8"));
const bytes = (document) => Buffer.from(JSON.stringify(document));

// What a language whose only numbers are 64-bit floats cannot do; README.md says so.
const BEYOND_NUMBERS = new Set(["1.0 is no int", "an int of 64 bits is an int"]);

test("buckets", () => {
  for (const c of vectors("buckets.json").cases) assert.equal(bucket(c.service, c.switch, c.unit), c.bucket);
});

const effective = vectors("effective.json");
for (const c of effective.cases) {
  test(`effective: ${c.name}`, () => {
    const document = parse(bytes(effective.document), "checkout");
    const switches = new Switches(document, c.region ?? undefined, () => Date.parse(c.now));
    assert.deepEqual(switches.value(c.switch, c.unit ?? undefined), c.value);
  });
}

for (const c of vectors("expiries.json").cases) {
  test(`expiries: ${c.name}`, () => {
    let now = Date.parse(c.at ?? "2026-01-12T09:00:00Z");
    let held;
    for (const step of c.steps) {
      if (step.publish) {
        const read = bytes(step.publish);
        const document = judge(held, read, "checkout")?.document;
        if (document) held = { document, bytes: read, switches: new Switches(document, "eu-west", () => now) };
        continue;
      }
      now = Date.parse(step.now);
      assert.equal(held.switches.value("recommendations"), step.value);
    }
  });
}

const part = (described) =>
  typeof described === "string"
    ? Buffer.from(described)
    : "base64" in described
      ? Buffer.from(described.base64, "base64")
      : Buffer.from(described.repeat.repeat(described.times));

const documents = vectors("documents.json");
for (const c of documents.cases.filter(({ kind }) => kind === "switches")) {
  test(`documents: ${c.name}`, { skip: BEYOND_NUMBERS.has(c.name) && "its numbers are floats" }, () => {
    const raw = Buffer.from(documents.held.switches);
    const held = c.first ? undefined : { document: parse(raw, "checkout"), bytes: raw };
    const read = Buffer.concat([c.read].flat().map(part));
    const judged = judge(held, read, "checkout", c.stale);
    const does = judged?.document ? "apply" : judged ? "nack" : "ignore";
    assert.equal(does, c.does, judged?.err);
    if (does === "apply") assert.equal(checksum(read), c.sum);
    if (does === "nack") assert.equal(judged.observed, c.observed ?? undefined);
    if (c.err) assert.equal(judged.err, c.err);
  });
}

const header = vectors("header.json");
for (const c of header.cases.filter(({ applied }) => applied.length === 1)) {
  test(`header: ${c.name}`, () => assert.equal(member(c.applied[0]), c.header));
}

test("errors are shortened", () => {
  for (const c of header.errors) assert.equal(shorten(c.text), c.err);
});
