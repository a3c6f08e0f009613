/**
 * The mean of several routers whose scores have no common scale.
 *
 *   score_t(x) = 1/M sum_m (s_mt(x) - mean_t s_m(x)) / d_m        m member, t candidate
 *
 * d_m is the mean over prompts of the standard deviation of s_m between the candidates of a prompt, so that no member
 * decides by the size of its numbers. A member that is sure of a prompt (its scores lie further apart than they mostly do)
 * counts for more there.
 */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { centred, type Router, type RoutingQuery } from "../router.ts";

/** Prompts by which scales are measured: the mean of so many deviations is known to a few per cent. */
const SCALE_PROMPTS = 500;

export interface EnsembleMember {
  readonly router: Router;
  /** d_m, positive. */
  readonly scale: number;
}

export class EnsembleRouter implements Router {
  readonly name: string;
  readonly candidates: readonly string[];
  /** True when a member is told the domain. */
  readonly readsDomain: boolean;
  readonly members: readonly EnsembleMember[];

  /** @throws {TuttiError} INVALID_ARGUMENT without two members, for members of different candidates, or a scale not above 0 */
  constructor(name: string, members: readonly EnsembleMember[]) {
    if (members.length < 2) throw invalid(`${name} has ${members.length} members, expected at least two`);
    this.name = name;
    this.members = members;
    this.candidates = members[0]!.router.candidates;
    this.readsDomain = members.some(({ router }) => router.readsDomain === true);
    for (const { router, scale } of members) {
      if (router.candidates.join("\n") !== this.candidates.join("\n")) {
        throw invalid(
          `${name}: ${router.name} scores ${router.candidates.join(", ")}; ${members[0]!.router.name} scores ${this.candidates.join(", ")}`,
        );
      }
      if (!(scale > 0))
        throw invalid(`${name}: the scale of ${router.name} is ${scale}, expected more than 0`);
    }
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    const sums = queries.map(() => new Float64Array(this.candidates.length));
    for (const { router, scale } of this.members) {
      for (const [prompt, row] of (await router.scores(queries)).entries()) {
        for (const [column, value] of centred(row).entries()) {
          sums[prompt]![column]! += value / scale / this.members.length;
        }
      }
    }
    return sums;
  }

  async dispose(): Promise<void> {
    for (const { router } of this.members) {
      if ("dispose" in router && typeof router.dispose === "function") await router.dispose();
    }
  }
}

/**
 * Measures the members' scales on prompts spread over `records`, whose judgements it does not read.
 *
 * @throws {TuttiError} DATASET_INVALID without records; as the constructor does
 */
export async function fitEnsemble(
  name: string,
  routers: readonly Router[],
  records: readonly JudgedRecord[],
): Promise<EnsembleRouter> {
  if (records.length === 0)
    throw new TuttiError("DATASET_INVALID", `${name}: no prompts to measure scales on`);
  // Records often lie in the order of their benchmarks: every n-th covers all of them.
  const stride = Math.ceil(records.length / SCALE_PROMPTS);
  const queries = records
    .filter((_, index) => index % stride === 0)
    .map(({ id, prompt, benchmark }) => ({ id, prompt: promptText(prompt), domain: benchmark }));
  const members: EnsembleMember[] = [];
  for (const router of routers) {
    const rows = await router.scores(queries);
    const mean = rows.reduce((sum, row) => sum + deviation(row), 0) / rows.length;
    // A member that never tells candidates apart adds nothing, whatever its scale.
    members.push({ router, scale: mean || 1 });
  }
  return new EnsembleRouter(name, members);
}

const deviation = (row: Float64Array): number =>
  Math.sqrt(centred(row).reduce((sum, value) => sum + value ** 2, 0) / row.length);

const invalid = (message: string) => new TuttiError("INVALID_ARGUMENT", message);
