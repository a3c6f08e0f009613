import { expect, test } from "vitest";
import { listedModel, modelPrices } from "./model-prices.ts";

test("the list is dated, says where it is from, and names each offer once", () => {
  const { asOf, source, models } = modelPrices();
  expect(asOf).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(source).toContain("check the provider");
  const offers = models.map(({ host, model }) => `${host} ${model}`);
  expect(new Set(offers).size).toBe(offers.length);
});

test("a price belongs to a host", () => {
  expect(listedModel("https://api.openai.com/v1", "gpt-4o-mini")?.contextWindowTokens).toBe(128_000);
  expect(listedModel("http://127.0.0.1:8000/v1", "gpt-4o-mini")).toBeUndefined();
  expect(listedModel("https://api.openai.com/v1", "gpt-none")).toBeUndefined();
});
