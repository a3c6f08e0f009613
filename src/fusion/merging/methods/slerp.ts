/** SLERP: from the base to one model along the arc between them. */
import type { MergeMethod } from "../pieces.ts";

/** Vectors whose cosine is nearer to 1 or -1 are interpolated linearly. */
const COLLINEAR = 0.9995;
const LEAST_NORM = 1e-8;

/** The factors of both ends at share `t` of the way between vectors of this cosine. */
export function slerpFactors(cosine: number, t: number): readonly [from: number, to: number] {
  if (Math.abs(cosine) > COLLINEAR) return [1 - t, t];
  const angle = Math.acos(cosine);
  return [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
}

/**
 * theta = sin((1 - t) a) / sin(a) theta_base + sin(t a) / sin(a) theta_1, with a the angle between the two tensors as vectors.
 * Norms and the inner product are summed in float64.
 *
 * @param t 0 is the base, 1 the model
 * @see Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, section 3.3
 */
export function slerpMerge(t: number): MergeMethod {
  return {
    reads: "base and models",
    async prepare({ scan }) {
      let [inner, ofBase, ofModel] = [0, 0, 0];
      await scan(({ base, models: [model] }) => {
        for (let index = 0; index < base.length; index++) {
          const [a, b] = [base[index]!, model![index]!];
          inner += a * b;
          ofBase += a * a;
          ofModel += b * b;
        }
      });
      const length = (squares: number): number => (Math.sqrt(squares) > LEAST_NORM ? Math.sqrt(squares) : 1);
      const cosine = inner / (length(ofBase) * length(ofModel));
      const [from, to] = slerpFactors(Math.min(1, Math.max(-1, cosine)), t);
      return ({ base, models: [model] }, merged) => {
        for (let index = 0; index < merged.length; index++)
          merged[index] = from * base[index]! + to * model![index]!;
      };
    },
  };
}
