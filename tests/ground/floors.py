"""Holds every `#include "folder/…"` of a source tree against the table of floors: a folder imports only what stands below it.

Also a command: floors.py [SRC] prints what is wrong and exits 1 if anything is.
"""
import pathlib
import re
import sys

GROUND = {"base"}
FIRST = {"event", "wire", "aio"}
SECOND = {"store", "broadcast", "bus"}
THIRD = {"kafka", "redis", "postgres", "http", "flow", "client"}
DOMAINS = {"domain/progress", "domain/bank", "domain/shop", "domain/chat"}

# folder: what it may import besides itself
MAY_IMPORT = {
    "base": set(),
    **{folder: GROUND for folder in FIRST},
    **{folder: GROUND | {"event", "aio"} for folder in SECOND},
    **{folder: GROUND | FIRST | SECOND for folder in THIRD},
    **{folder: GROUND | FIRST | SECOND | THIRD for folder in {"domain", "proof"}},
    **{folder: GROUND | FIRST | SECOND | THIRD | {"domain"} for folder in DOMAINS},
    "app": GROUND | FIRST | SECOND | THIRD | DOMAINS | {"domain", "proof"},
    "": {"app"},  # main.cpp
}
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def includes(path):
    """(line number, quoted path or None, bracketed path or None) of each include."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def folder_of(file):
    """"domain/progress/model.hpp" -> "domain/progress"."""
    return file.rpartition("/")[0]


def check_line(src, file, quoted):
    """What is wrong with an include of our own, or None."""
    own, other = folder_of(file), folder_of(quoted)
    if not (src / quoted).is_file():
        return f'"{quoted}" does not exist'
    if own not in MAY_IMPORT:
        return f"{own}/ stands on no floor"
    if re.fullmatch(r"domain/\w+/model\.[hc]pp", file):
        if other not in {"base", "event"} and quoted != f"{own}/model.hpp":
            return f'a model imports base and event only, not "{quoted}"'
    elif other != own and other not in MAY_IMPORT[own]:
        return f'{own or "main.cpp"} may not import {other}: "{quoted}"'
    return None


def cycles(graph):
    """The includes that close a circle, as (file, line, path of the circle)."""
    done, found = set(), []

    def visit(file, path):
        if file in done:
            return
        for number, target in graph.get(file, []):
            if target in path:
                found.append((file, number, path[path.index(target):] + [target]))
            else:
                visit(target, path + [target])
        done.add(file)

    for file in graph:
        visit(file, [file])
    return found


def check(src):
    """Every violation as "file:line: what"."""
    problems, graph = [], {}
    for path in sorted([*src.rglob("*.hpp"), *src.rglob("*.cpp")]):
        file = path.relative_to(src).as_posix()
        for number, quoted, bracketed in includes(path):
            if bracketed == "asio.hpp":
                problems.append(f"{file}:{number}: <asio.hpp> as a whole makes every file slow to compile")
            if quoted is None:
                continue
            wrong = check_line(src, file, quoted)
            if wrong:
                problems.append(f"{file}:{number}: {wrong}")
            else:
                graph.setdefault(file, []).append((number, quoted))
    for file, number, circle in cycles(graph):
        problems.append(f"{file}:{number}: a circle: {' -> '.join(circle)}")
    return problems


if __name__ == "__main__":
    wrong = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src"))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)
