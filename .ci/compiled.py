"""What a build tree compiles, for the gates that look at each source once more."""
import collections
import concurrent.futures
import json
import os
import shlex
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
Source = collections.namedtuple("Source", "path options")
Result = collections.namedtuple("Result", "path status output")


def options_of(words):
    """The compiler's options that another compiler needs as well: neither files nor what gcc alone knows."""
    kept, skip = [], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-c", "-MF", "-MT", "-MQ"):
            skip = word != "-c"
        elif word.startswith("-") and word not in ("-MD", "-MMD"):
            kept.append(word)
        elif kept and kept[-1] in ("-isystem", "-include", "-I", "-D"):
            kept.append(word)
    return kept


def compiled_sources(tree):
    """Each source of the project's own that `tree` compiles, once, with its options."""
    seen = {}
    with open(f"{tree}/compile_commands.json") as commands:
        for entry in json.load(commands):
            path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
            if path.startswith(TOP + "/") and not path.startswith(TOP + "/build/"):
                seen.setdefault(path, Source(path, options_of(shlex.split(entry["command"]))))
    if not seen:
        raise SystemExit(f"{tree} compiles nothing of {TOP}: is it this project's build tree?")
    return list(seen.values())


def run_each(sources, command):
    """Runs command(source) for each, as many at a time as there are cores; yields a Result for each."""
    def one(source):
        done = subprocess.run(command(source), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", cwd=TOP)
        return Result(source.path, done.returncode, done.stdout)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(one, sources)
