/**
 * The wall between the interpreter and this process. A WebAssembly module can do nothing to its host but call its imports; all of
 * them pass through here, and once the wall is shut only those that a program needs still answer. Whatever Python code does,
 * with or without the interpreter's consent, ends at this table.
 */

/** Errors as system calls return them, negated (numbers of WASI). */
const EACCES = 2;
const ENOSPC = 51;
const ENOSYS = 52;
const ENOTTY = 59;
const EPERM = 63;
/** What `getaddrinfo` returns for a failure that will not go away. */
const EAI_FAIL = -4;
const DEFAULT_UMASK = 0o22;

/** Clocks, random numbers, files in memory, the interpreter's own trampolines. */
const ALLOWED: ReadonlySet<string> = new Set([
  "_PyEM_TrampolineCall_JS",
  "_Py_CheckEmscriptenSignals_Helper",
  "_Py_emscripten_runtime",
  "__call_sighandler",
  "clock_res_get",
  "clock_time_get",
  "emscripten_date_now",
  "emscripten_get_now",
  "_tzset_js",
  "_timegm_js",
  "_mktime_js",
  "_localtime_js",
  "_gmtime_js",
  "random_get",
  "environ_sizes_get",
  "environ_get",
  "emscripten_get_heap_max",
  "fd_close",
  "fd_read",
  "fd_pread",
  "fd_sync",
  "fd_fdstat_get",
  "__syscall_getuid32_js",
  "__syscall_fcntl64",
  "__syscall_faccessat",
  "__syscall_chdir",
  "__syscall_fchdir",
  "__syscall_dup",
  "__syscall_dup3",
  "__syscall_fdatasync",
  "__syscall_fstat64",
  "__syscall_stat64",
  "__syscall_newfstatat",
  "__syscall_lstat64",
  "__syscall_getcwd",
  "__syscall_getdents64",
  "__syscall_poll",
  "__syscall_fadvise64",
  "__syscall_readlinkat",
  "__syscall_unlinkat",
  "__syscall_rmdir",
  "__syscall_renameat",
  "__syscall_statfs64",
  "__syscall_fstatfs64",
]);

/** Calls that fail as they would for a user without rights, so that Python raises an OSError. */
const REFUSED: Readonly<Record<string, number>> = {
  __syscall_ioctl: -ENOTTY,
  __syscall_umask_js: DEFAULT_UMASK,
  __syscall_chmod: -EPERM,
  __syscall_fchmod: -EPERM,
  __syscall_fchmodat2: -EPERM,
  __syscall_fchown32: -EPERM,
  __syscall_fchownat: -EPERM,
  __syscall_fallocate: -ENOSPC,
  __syscall_ftruncate64: -ENOSPC,
  __syscall_truncate64: -ENOSPC,
  __syscall_mknodat: -EPERM,
  __syscall_pipe: -ENOSYS,
  __syscall_symlinkat: -EPERM,
  __syscall_utimensat: -EPERM,
  __syscall_socket: -EACCES,
  __syscall_accept4: -EACCES,
  __syscall_bind: -EACCES,
  __syscall_connect: -EACCES,
  __syscall_getpeername: -EACCES,
  __syscall_getsockname: -EACCES,
  __syscall_getsockopt: -EACCES,
  __syscall_listen: -EACCES,
  __syscall_recvfrom: -EACCES,
  __syscall_recvmsg: -EACCES,
  __syscall_sendmsg: -EACCES,
  __syscall_sendto: -EACCES,
  getaddrinfo: EAI_FAIL,
  getnameinfo: EAI_FAIL,
  // On the way to an exit, which is stopped itself.
  _emscripten_runtime_keepalive_clear: 0,
  // Whether it could wait for JavaScript: it cannot.
  can_run_sync_js: 0,
  _mmap_js: -ENOSYS,
  _munmap_js: -ENOSYS,
  _msync_js: -ENOSYS,
  _setitimer_js: -ENOSYS,
  _emscripten_system: -ENOSYS,
};

/** Bytes that a program may write into files, and how many files and folders it may make. */
const FILE_BYTES_LIMIT = 16 << 20;
const FILES_LIMIT = 4096;
const OPEN_CREATES = 0o100;
const LAST_STANDARD_STREAM = 2;

type ImportFunction = (...operands: never[]) => unknown;
export type ImportTable = Record<string, ImportFunction>;

/** Thrown through the interpreter, which cannot catch it. */
export class ProgramStopped extends Error {
  readonly reason: "exited" | "forbidden" | "memory";

  constructor(reason: ProgramStopped["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

export class Seal {
  private readonly memoryBytes: number;
  /** The 32-bit word at an address of the interpreter's memory. */
  private readonly read: (address: number) => number;
  private isShut = false;
  /** Whether reports of the interpreter on itself count: while a program runs. */
  isWatching = false;
  private fileBytes = 0;
  private files = 0;
  /** What stopped the program, kept in case something on the way caught the exception. */
  stopped: ProgramStopped | undefined;
  /** Whether the interpreter asked for more memory than it may have. */
  isMemoryRefused = false;

  constructor(memoryBytes: number, read: (address: number) => number) {
    this.memoryBytes = memoryBytes;
    this.read = read;
  }

  /** From here on programs may run. */
  shut(): void {
    this.isShut = true;
  }

  /** Forgets what the last program used up. */
  reset(): void {
    this.fileBytes = 0;
    this.files = 0;
    this.stopped = undefined;
    this.isWatching = false;
    this.isMemoryRefused = false;
  }

  /** Ends the program, from within an import. */
  stop(reason: ProgramStopped["reason"], message: string): never {
    this.stopped ??= new ProgramStopped(reason, message);
    throw this.stopped;
  }

  /** The same imports behind the wall. */
  guard(imports: ImportTable): ImportTable {
    return Object.fromEntries(
      Object.entries(imports)
        .filter(([, original]) => typeof original === "function")
        .map(([name, original]) => [name, this.gate(name, original)]),
    );
  }

  private gate(name: string, original: ImportFunction): ImportFunction {
    const call = original as (...operands: unknown[]) => unknown;
    const guarded = this.guarded(name, call);
    return (...operands: unknown[]) => (this.isShut ? guarded(...operands) : call(...operands));
  }

  private guarded(
    name: string,
    call: (...operands: unknown[]) => unknown,
  ): (...operands: unknown[]) => unknown {
    if (ALLOWED.has(name)) return call;
    const refusal = REFUSED[name];
    if (refusal !== undefined) return () => refusal;
    switch (name) {
      case "emscripten_resize_heap":
        return (bytes) => this.resize(Number(bytes) >>> 0, call);
      case "exit":
      case "proc_exit":
        return (status) => this.stop("exited", `exit(${status})`);
      case "_abort_js":
      case "__assert_fail":
        return () => this.stop("exited", "abort()");
      case "fd_write":
        return (fd, vectors, count, written) =>
          this.write(Number(fd), Number(written), () => call(fd, vectors, count, written));
      case "fd_pwrite":
        return (fd, vectors, count, offset, written) =>
          Number(offset) > FILE_BYTES_LIMIT
            ? ENOSPC
            : this.write(Number(fd), Number(written), () => call(fd, vectors, count, offset, written));
      case "fd_seek":
        return (fd, offset, whence, reached) =>
          this.seek(Number(reached), () => call(fd, offset, whence, reached));
      case "__syscall_openat":
        return (folder, path, flags, ...rest) =>
          (Number(flags) & OPEN_CREATES) !== 0 && ++this.files > FILES_LIMIT
            ? -ENOSPC
            : call(folder, path, flags, ...rest);
      case "__syscall_mkdirat":
        return (...operands) => (++this.files > FILES_LIMIT ? -ENOSPC : call(...operands));
      default:
        return () => this.stop("forbidden", `the program reached the host's ${name}`);
    }
  }

  private resize(bytes: number, call: (...operands: unknown[]) => unknown): unknown {
    if (bytes <= this.memoryBytes) return call(bytes);
    this.isMemoryRefused = true;
    return 0;
  }

  /** Writing to a file counts; the standard streams are bounded where they are read. */
  private write(fd: number, written: number, call: () => unknown): unknown {
    if (fd <= LAST_STANDARD_STREAM) return call();
    if (this.fileBytes > FILE_BYTES_LIMIT) return ENOSPC;
    const status = call();
    if (status === 0) this.fileBytes += this.read(written);
    return status;
  }

  /** A file grows to where it is written, so the place must lie within the limit too. */
  private seek(reached: number, call: () => unknown): unknown {
    const status = call();
    const isFar = status === 0 && (this.read(reached + 4) !== 0 || this.read(reached) > FILE_BYTES_LIMIT);
    return isFar ? this.stop("memory", "a file of more than 16 MiB") : status;
  }
}
