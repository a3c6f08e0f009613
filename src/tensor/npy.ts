/** NumPy's .npy file of one float32 array, version 1.0 of the format (numpy.lib.format). */
import type { Float32Tensor } from "./host-tensor.ts";

/** The data begins at a multiple of this. */
const ALIGNMENT = 64;
/** Magic, version, length of the header. */
const PREAMBLE_BYTES = 10;

const encoder = new TextEncoder();

/** The bytes of a .npy file: little-endian, row-major. */
export function encodeNpy({ shape, data }: Float32Tensor): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${sizes}), }`;
  const start = Math.ceil((PREAMBLE_BYTES + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + data.byteLength);
  const header = text.padEnd(start - PREAMBLE_BYTES - 1);
  bytes.set([0x93, ...encoder.encode("NUMPY"), 1, 0]);
  new DataView(bytes.buffer).setUint16(8, start - PREAMBLE_BYTES, true);
  bytes.set(encoder.encode(`${header}\n`), PREAMBLE_BYTES);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}
