"""Creates the bill of materials of a program in CycloneDX 1.5: the crates that are linked into it or run in its build, from
Cargo's lock file and dependency graph. It has no date and no random id, so that the same sources give the same file.
"""

import hashlib
import json
import re
import subprocess
import tomllib
import uuid
from pathlib import Path


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def graph_of(package, target):
    """Returns the dependency graph: name and version of the package and of all its dependencies, each with its own dependencies.

    `cargo metadata` would add dependencies that only other packages of the workspace need, through the features that they enable.
    """
    tree = cargo("tree", "--locked", "-p", package, "--edges", "normal,build", "--target", target, "--prefix", "depth")
    graph, path = {}, []
    for line in tree.splitlines():
        depth, name, version = re.match(r"(\d+)(\S+) v(\S+)", line).groups()
        del path[int(depth) :]
        if path:
            graph[path[-1]].add((name, version))
        graph.setdefault((name, version), set())
        path.append((name, version))
    return graph


def bill(package, target):
    """Returns the document for one package of the workspace and one target triple."""
    graph = graph_of(package, target)
    known = json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    packages = {(entry["name"], entry["version"]): entry for entry in known}
    root = next(iter(graph))
    lock = tomllib.loads(Path("Cargo.lock").read_text(encoding="utf-8"))
    sums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}

    def component(package, kind):
        entry = {"type": kind, "bom-ref": purl(package), "name": package["name"], "version": package["version"], "purl": purl(package)}
        if package.get("license"):
            # Old Cargo manifests have "MIT/Apache-2.0", which is "OR" in SPDX.
            entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        checksum = sums.get((package["name"], package["version"]))
        if checksum:
            entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return entry

    by_name = lambda ids: sorted(ids, key=lambda one: purl(packages[one]))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[root], "application"), "properties": [{"name": "target", "value": target}]},
        "components": [component(packages[one], "library") for one in by_name(graph) if one != root],
        "dependencies": [
            {"ref": purl(packages[one]), "dependsOn": sorted(purl(packages[needed]) for needed in graph[one])} for one in by_name(graph)
        ],
    }
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()
    document["serialNumber"] = f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}"
    return document
