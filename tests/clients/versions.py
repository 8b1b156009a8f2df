"""Which versions the tests of clients stand on, from where they are pinned, and where they are put."""
import json
import os
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build/clients"
PYTHON = os.environ.get("STEPCAST_CLIENTS_PYTHON", str(BUILD / "bin/python"))


def of_npm(package):
    """The entry of the lock file."""
    return json.loads((HERE / "package-lock.json").read_text())["packages"][f"node_modules/{package}"]


def version_of(registry, package):
    if registry == "npm":
        return of_npm(package)["version"]
    if registry == "PyPI":
        return re.search(rf"^{re.escape(package)}==(.*)$", (HERE / "requirements.txt").read_text(), re.M).group(1)
    return re.search(rf"<artifactId>{package}</artifactId><version>(.*?)</version>", (HERE / "pom.xml").read_text()).group(1)
