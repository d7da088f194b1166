import assert from "node:assert/strict";
import { test } from "node:test";

import { Namesakes } from "../../static/hub/js/components/namesakes.js";

const ADA = { id: "42", name: "Ada" };

test("a name that one person has is shown as it is, however often the person is there", () => {
  const people = new Namesakes([ADA, { ...ADA }, { id: "43", name: "Grace" }]);
  assert.equal(people.shown(ADA), "Ada");
});

test("people of one name are shown with their ids", () => {
  const other = { id: "6f1c2d3e-0000-7000-8000-00009a0b1c2d", name: "ada" };
  const people = new Namesakes([ADA, other]);
  assert.equal(people.shown(ADA), "Ada #42");
  assert.equal(people.shown(other), "ada #1c2d");
});

test("as much of an id is shown as tells it from the others", () => {
  const people = new Namesakes(["9000010002", "9000020002", "0002"].map((id) => ({ id, name: "Ada" })));
  assert.equal(people.shown({ id: "9000010002", name: "Ada" }), "Ada #10002");
  assert.equal(people.shown({ id: "9000020002", name: "Ada" }), "Ada #20002");
  assert.equal(people.shown({ id: "0002", name: "Ada" }), "Ada #0002");
});

test("what programs say, and what people wrote whose accounts are gone, makes nobody a namesake", () => {
  const people = new Namesakes([ADA, { id: "", name: "Ada" }]);
  assert.equal(people.shown(ADA), "Ada");
  assert.equal(people.shown({ id: "", name: "Ada" }), "Ada");
});
