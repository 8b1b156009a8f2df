"""Holds every `#include "folder/…"` of a source tree, and every link of its CMake libraries, against the table of floors: a folder
imports only what stands below it, and links what it imports.

Also a command: floors.py [ROOT] prints what is wrong and exits 1 if anything is.
"""
import pathlib
import re
import sys

GROUND = {"base"}
FIRST = {"event", "wire", "aio"}
SECOND = {"store", "broadcast", "bus", "auth"}
THIRD = {"kafka", "redis", "postgres", "http", "flow", "client"}
DOMAINS = {"domain/progress", "domain/bank", "domain/webhooks", "domain/shop", "domain/topics", "domain/chat"}

# folder: what it may import besides itself
MAY_IMPORT = {
    "base": set(),
    **{folder: GROUND for folder in FIRST},
    **{folder: GROUND | {"event", "aio"} for folder in SECOND - {"auth"}},
    "auth": GROUND | {"aio"},
    **{folder: GROUND | FIRST | SECOND for folder in THIRD},
    **{folder: GROUND | FIRST | SECOND | THIRD for folder in {"domain", "proof"}},
    **{folder: GROUND | FIRST | SECOND | THIRD | {"domain"} for folder in DOMAINS},
    "app": GROUND | FIRST | SECOND | THIRD | DOMAINS | {"domain", "proof"},
    "": {"app"},  # main.cpp
}
# folder: its rooms, and for each (and for the folder itself, "") the rooms of the folder that it may import
ROOMS = {
    "store": {"": set(), "memory": set(), "journal": {"memory"}},
    "bus": {"": set(), "embedded": set()},
    "http": {"": {"stream"}, "stream": set()},
    "proof": {"": set(), "load": set(), "bench": {"load"}, "prove": {"load"}},
    "app": {"": set(), "config": set(), "server": {"config"}, "commands": {"config", "server"}},
}
LIBRARY = re.compile(r"^stepcast_library\(([^\s)]+)([^)]*)\)", re.M)
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def includes(path):
    """(line number, quoted path or None, bracketed path or None) of each include."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def place(file):
    """"domain/progress/model.hpp" -> ("domain/progress", ""); "store/journal/file.hpp" -> ("store", "journal")."""
    folder = file.rpartition("/")[0]
    above, _, room = folder.rpartition("/")
    return (above, room) if room in ROOMS.get(above, {}) else (folder, "")


def check_line(src, file, quoted):
    """What is wrong with an include of our own, or None."""
    (own, own_room), (other, other_room) = place(file), place(quoted)
    if not (src / quoted).is_file():
        return f'"{quoted}" does not exist'
    if own not in MAY_IMPORT:
        return f"{own}/ stands on no floor"
    if re.fullmatch(r"domain/\w+/model\.[hc]pp", file):
        if other not in {"base", "event"} and quoted != f"{own}/model.hpp":
            return f'a model imports base and event only, not "{quoted}"'
    elif other != own and other not in MAY_IMPORT[own]:
        return f'{own or "main.cpp"} may not import {other}: "{quoted}"'
    elif other == own and other_room not in {"", own_room} | ROOMS.get(own, {}).get(own_room, set()):
        return f'{own}/{own_room} may not import its sibling {own}/{other_room}: "{quoted}"'
    return None


def imports(src):
    """folder: the folders that its files import."""
    found = {}
    for path in [*src.rglob("*.hpp"), *src.rglob("*.cpp")]:
        own = place(path.relative_to(src).as_posix())[0]
        for _, quoted, _ in includes(path):
            if quoted and (other := place(quoted)[0]) != own:
                found.setdefault(own, set()).add(other)
    return found


def check_links(cmake, imported):
    """What is wrong with the links of a CMakeLists.txt: one that the floors forbid or that no include needs, and a folder that is
    imported and not linked, nor linked by what is; and rooms that the table does not have."""
    links, problems = {}, []
    for folder, words in LIBRARY.findall(cmake):
        rooms, _, linked = words.partition("LINKS")
        links[folder] = {name.removeprefix("stepcast_").replace("domain_", "domain/") for name in linked.split()
                         if name.startswith("stepcast_")}
        if set(rooms.split()) - {"ROOMS"} != set(ROOMS.get(folder, {})) - {""}:
            problems.append(f"CMakeLists.txt: the rooms of {folder} are not those of the table")
    def reach(folder):
        return set().union(*({link} | reach(link) for link in links.get(folder, set())))
    for folder, linked in links.items():
        wanted = imported.get(folder, set())
        problems += [f"CMakeLists.txt: {folder} may not link {link}" for link in sorted(linked - MAY_IMPORT.get(folder, set()))]
        problems += [f"CMakeLists.txt: {folder} links {link} and imports nothing of it" for link in sorted(linked - wanted)]
        problems += [f"CMakeLists.txt: {folder} imports {other} and does not link it" for other in sorted(wanted - reach(folder))]
    return problems


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
    """Every violation of an include as "file:line: what"."""
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
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    wrong = check(root / "src") + check_links((root / "CMakeLists.txt").read_text(encoding="utf-8"), imports(root / "src"))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)
