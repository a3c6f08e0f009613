/** The beginning of what a program prints; the rest is counted and dropped. */
export class OutputHead {
  private readonly limitBytes: number;
  private chunks: Buffer[] = [];
  private keptBytes = 0;
  private allBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  write(bytes: Uint8Array): void {
    this.allBytes += bytes.length;
    const room = this.limitBytes - this.keptBytes;
    if (room <= 0) return;
    // A copy: the bytes lie in memory that the interpreter uses again.
    const kept = Buffer.from(bytes.subarray(0, room));
    this.keptBytes += kept.length;
    this.chunks.push(kept);
  }

  text(): string {
    const dropped = this.allBytes - this.keptBytes;
    const text = Buffer.concat(this.chunks).toString("utf8");
    return dropped > 0 ? `${text}... (${dropped} bytes more)` : text;
  }

  clear(): void {
    this.chunks = [];
    this.keptBytes = 0;
    this.allBytes = 0;
  }
}
