"""Runs jobs, each in a fresh process, and keeps what they say: a line of results.jsonl for each."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from environment import last_line


class Failed(Exception):
    """The exercise itself could not be made."""


class Runner:
    def __init__(self, table, pythons, places, args):
        self.table, self.pythons, self.places, self.args = table, pythons, places, args
        self.folder = os.path.join(args.out, "exercise")
        os.makedirs(self.folder, exist_ok=True)
        self.results = os.path.join(args.out, "results.jsonl")
        open(self.results, "w", encoding="utf-8").close()
        self.failed = set()  # (peer, form, kind, network, batch): not tried again

    def command(self, peer, options):
        base = [part.format(python=self.pythons[peer], **self.places) for part in self.table[peer]["command"]]
        base = [os.path.join(self.places["table"], p) if p.endswith(".py") else p for p in base]
        return base + [text for name, value in options.items() for text in (f"--{name}", str(value))]

    def prepare(self):
        """The data, weights and orders that all jobs read, by the first of the table."""
        options = {"task": "prepare", "dir": self.folder, "seeds": self.args.seeds, "epochs": self.args.epochs}
        if self.args.data_dir:
            options["data-dir"] = os.path.abspath(self.args.data_dir)
        reference = next(iter(self.table))
        if reference not in self.pythons:
            raise Failed(f"{reference} cannot run")
        outcome = self.launch(self.command(reference, options), {})
        if "error" in outcome:
            raise Failed(f"{reference} could not prepare the data: {outcome['error']}")
        return outcome["result"]

    def data_bytes(self):
        return sum(os.path.getsize(os.path.join(self.folder, n)) for n in os.listdir(self.folder) if n.endswith(".u8"))

    def job(self, who, task, kind="", round=0, **options):
        """One run of a form; kind: what it is for, where that is not its task."""
        peer, form = who
        network, kind = options["network"], kind or task
        key = (peer, form, kind, network, options.get("batch"))
        if network in self.table[peer]["forms"][form].get("without", []) or key in self.failed:
            return
        options = {"task": task, "form": form, "dir": self.folder, "threads": self.args.threads} | options
        record = {"peer": peer, "form": form, "kind": kind, "round": round} | options | self.started(peer, options)
        record.pop("dir")
        if "error" in record:
            self.failed.add(key)
        with open(self.results, "a", encoding="utf-8") as f:
            f.write(json.dumps(record) + "\n")
        shown = record.get("error") or f"{record['wall_s']:.1f} s"
        print(f"{kind} {network} {peer} {form}: {shown}", flush=True)

    def started(self, peer, options):
        """launch() with the peer's own folders fresh: what it compiles is not found ready by the next process."""
        fresh = {name: tempfile.mkdtemp(prefix="compare-") for name in self.table[peer].get("fresh_folders", [])}
        try:
            return self.launch(self.command(peer, options | {"started": repr(time.time())}), fresh)
        finally:
            for folder in fresh.values():
                shutil.rmtree(folder, ignore_errors=True)

    def launch(self, command, variables):
        """{"result": what it printed, "wall_s", "peak_bytes"}, or {"error": a line}."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            start = time.time()
            try:
                process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                           env=os.environ | variables, start_new_session=True)
            except OSError as e:
                return {"error": f"{command[0]}: {e.strerror}"}
            usage = self.wait(process, start)
            for f in (out, err):
                f.seek(0)
            if usage is None:
                return {"error": f"not done after {self.args.timeout} s"}
            if process.returncode:
                return {"error": f"exit code {process.returncode}: {last_line(err.read())}"}
            try:
                result = json.loads(last_line_whole(out.read()))
            except ValueError:
                return {"error": "printed no line of JSON"}
        return {"result": result, "wall_s": time.time() - start, "peak_bytes": usage.ru_maxrss * 1024}

    def wait(self, process, start):
        """What the process used; None where it was ended because it took too long."""
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    return usage
                if time.time() - start > self.args.timeout:
                    self.end(process)
                    return None
                time.sleep(0.02)
        except KeyboardInterrupt:
            self.end(process)
            raise

    @staticmethod
    def end(process):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def last_line_whole(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
