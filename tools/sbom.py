"""The bill of materials of the function, in CycloneDX 1.5: the crates that are linked into it or run in its build, from Cargo's own lock
file and graph. It has no date and no random id, so that the same sources give the same file.
"""

import hashlib
import json
import subprocess
import tomllib
import uuid
from pathlib import Path


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def reached(nodes, root):
    """The root and all that it needs, without what only tests need."""
    found, open_ids = {}, [root]
    while open_ids:
        current = open_ids.pop()
        if current in found:
            continue
        kinds = lambda dependency: any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
        found[current] = sorted(dependency["pkg"] for dependency in nodes[current]["deps"] if kinds(dependency))
        open_ids += found[current]
    return found


def bill(target):
    """The document for one target triple."""
    data = metadata(target)
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    root = data["resolve"]["root"]
    graph = reached(nodes, root)
    lock = tomllib.loads(Path("Cargo.lock").read_text(encoding="utf-8"))
    sums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}

    def component(package, kind):
        entry = {"type": kind, "bom-ref": purl(package), "name": package["name"], "version": package["version"], "purl": purl(package)}
        if package.get("license"):
            # Cargo once wrote "MIT/Apache-2.0" for what SPDX writes with OR.
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
