/** A router's choices over a data set. The router sees ids and prompts, never answers or scores. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { argmax, type Router } from "../router.ts";

const QUERIES_PER_CALL = 256;

/**
 * Index into `candidates` of the model chosen for each record. The domain (benchmark name) is passed only to
 * routers that declare that they read it.
 *
 * @param onProgress called with the number of records done
 * @throws {TuttiError} UNKNOWN_CANDIDATE when the router may choose a model the data has no answers of
 */
export async function chooseAll(
  router: Router,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  onProgress?: (done: number) => void,
): Promise<Int32Array> {
  const columns = router.candidates.map((name) => candidates.indexOf(name));
  const missing = router.candidates.filter((_, index) => columns[index]! < 0);
  if (missing.length > 0) {
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `router ${router.name} chooses among models the data has no answers of: ${missing.join(", ")}; the data has ${candidates.join(", ")}`,
      {
        details: { router: router.name, missing },
        hint: "evaluate on data with answers of every candidate, or train on these candidates",
      },
    );
  }
  const choices = new Int32Array(records.length);
  for (let start = 0; start < records.length; start += QUERIES_PER_CALL) {
    const chunk = records.slice(start, start + QUERIES_PER_CALL);
    const rows = await router.scores(
      chunk.map(({ id, prompt, benchmark }) => ({
        id,
        prompt: promptText(prompt),
        ...(router.readsDomain === true && { domain: benchmark }),
      })),
    );
    for (const [index, row] of rows.entries()) choices[start + index] = columns[argmax(row)]!;
    onProgress?.(start + chunk.length);
  }
  return choices;
}
