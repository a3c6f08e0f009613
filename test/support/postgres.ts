/** A PostgreSQL of the tests' own: TUTTI_TEST_POSTGRES names one, else Debian's binaries start one in a temporary folder. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface TestPostgres {
  /** Address of a database in which schemas may be made; without `?schema=`. */
  readonly url: string;
  stop(): void;
}

/** Folder with initdb and pg_ctl, wherever Debian or the PATH has them. */
function binaries(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    ...versions.map((version) => join(debian, version, "bin")),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "pg_ctl")));
}

function accountId(option: "-u" | "-g", account: string): number | undefined {
  const { status, stdout } = spawnSync("id", [option, account], { encoding: "utf8" });
  return status === 0 ? Number(stdout) : undefined;
}

/** PostgreSQL refuses to run as root: another account, with its home in the data folder. */
function owner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const account of ["postgres", "nobody"]) {
    const uid = accountId("-u", account);
    const gid = accountId("-g", account);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  return undefined;
}

function check({ status, stderr, stdout, error }: SpawnSyncReturns<string>, what: string): void {
  if (status !== 0) throw new Error(`${what} failed: ${error?.message ?? ""} ${stderr} ${stdout}`);
}

/**
 * Starts a server that listens on a Unix socket in its own folder only. Undefined, with the reason printed, where there are no
 * binaries.
 *
 * @param isDurable commits wait for the disk, as they do where data matters. Default: they do not
 */
export function startPostgres({ isDurable = false } = {}): TestPostgres | undefined {
  const given = process.env.TUTTI_TEST_POSTGRES;
  if (given) return { url: given, stop: () => undefined };
  const folder = binaries();
  if (folder === undefined) {
    console.warn(
      "skipped: PostgreSQL tests need initdb and pg_ctl (Debian: postgresql) or TUTTI_TEST_POSTGRES=postgres://...",
    );
    return undefined;
  }
  const place = mkdtempSync(join(tmpdir(), "tutti-pg-"));
  const account = owner();
  if (account) chownSync(place, account.uid, account.gid);
  const run = (command: string, ...parts: string[]) =>
    spawnSync(join(folder, command), parts, {
      ...account,
      cwd: place,
      encoding: "utf8",
      env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" },
      // The server would hold inherited pipes open.
      stdio: command === "pg_ctl" ? "ignore" : "pipe",
    });
  const data = join(place, "data");
  check(run("initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync"), "initdb");
  const durability = isDurable ? "on" : "off";
  const options = `-k ${place} -c listen_addresses='' -c fsync=${durability} -c max_connections=60 -c shared_buffers=32MB`;
  check(run("pg_ctl", "-D", data, "-w", "-l", join(place, "log"), "-o", options, "start"), "pg_ctl start");
  return {
    url: `postgres:///postgres?host=${encodeURIComponent(place)}&user=tester`,
    stop: () => {
      run("pg_ctl", "-D", data, "-m", "immediate", "stop");
      rmSync(place, { recursive: true, force: true });
    },
  };
}
