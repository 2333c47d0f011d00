"""Each gate of `make test` refuses what it is there to refuse."""

import re
import subprocess
import tomllib

from planted import ROOT, GateTest

SECTION = re.compile(r"^\[workspace\.lints\.[^\[]*", re.MULTILINE)


class Cargo(GateTest):
    """A workspace with the packages that the Makefile names, the project's lints, and nothing to build them from."""

    def setUp(self):
        super().setUp()
        self.copy("rust-toolchain.toml", "rustfmt.toml", "clippy.toml")
        lints = "".join(SECTION.findall((ROOT / "Cargo.toml").read_text(encoding="utf-8")))
        self.assertIn("unwrap_used", lints)
        self.write("Cargo.toml", '[workspace]\nmembers = ["crates/*"]\nresolver = "3"\n\n' + lints)
        for name in ("custom-delegation", "delegation-model", "dns-check", "sandbox"):
            package = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n\n[lints]\nworkspace = true\n'
            binary = '\n[[bin]]\nname = "bootstrap"\npath = "src/main.rs"\n' if name == "custom-delegation" else ""
            self.write(f"crates/{name}/Cargo.toml", package + binary)
            self.write(f"crates/{name}/src/lib.rs", "//! A crate.\n")
        self.write("crates/custom-delegation/src/main.rs", "//! A program.\n\nfn main() {}\n")
        fuzz = '[package]\nname = "fuzz"\nversion = "0.1.0"\nedition = "2024"\n\n[workspace]\n'
        self.write("fuzz/Cargo.toml", fuzz)
        self.write("fuzz/src/lib.rs", "")
        for manifest in ("Cargo.toml", "fuzz/Cargo.toml"):
            command = ["cargo", "generate-lockfile", "--offline", "--quiet", "--manifest-path", manifest]
            subprocess.run(command, cwd=self.project, check=True)

    def plant(self, text, crate="delegation-model"):
        self.write(f"crates/{crate}/src/lib.rs", f"//! A crate.\n\n{text}\n")

    def test_format(self):
        self.assert_passes("fmt-check")
        self.plant("/// Well.\npub  fn well( ) {}")
        self.assert_refuses("Diff in", "fmt-check")
        self.plant(f"// {'Long' * 25}")
        self.assert_refuses("a comment has more than 100 columns", "fmt-check")
        self.plant("// Well.")
        (self.project / "crates/sandbox/src/gone.rs").symlink_to("nowhere")
        self.assert_refuses("gone.rs", "fmt-check")

    def test_lints(self):
        self.assert_passes("lint")
        self.plant("/// The first.\npub fn first(all: &[u8]) -> u8 {\n    *all.first().unwrap()\n}", "custom-delegation")
        self.assert_refuses("used `unwrap()`", "lint")
        self.plant("pub fn bare() {}", "sandbox")
        self.plant("", "custom-delegation")
        self.assert_refuses("missing documentation", "lint")

    def test_documentation(self):
        self.assert_passes("doc")
        self.plant("/// See [`nothing`].\npub fn linked() {}")
        self.assert_refuses("unresolved link", "doc")

    def test_unit_tests(self):
        test = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn sums() {\n        assert_eq!(1 + 1, RESULT);\n    }\n}"
        self.plant(test.replace("RESULT", "2"))
        self.assert_passes("check")
        self.plant(test.replace("RESULT", "3"))
        self.assert_refuses("test result: FAILED", "check")

    def test_a_lock_file_that_is_not_up_to_date(self):
        for manifest in ("crates/sandbox/Cargo.toml", "fuzz/Cargo.toml"):
            self.replace(manifest, 'version = "0.1.0"', 'version = "0.2.0"')
            self.assert_refuses("--locked", "lint")
            self.replace(manifest, 'version = "0.2.0"', 'version = "0.1.0"')


class Templates(GateTest):
    def setUp(self):
        super().setUp()
        self.copy("schema", "examples", "crates/conformance/templates")
        self.copy("template.yaml")

    def test_a_wrong_property_of_aws(self):
        self.assert_passes("template")
        self.replace("template.yaml", "      MemorySize: 128\n", "      MemorySise: 128\n")
        self.assert_refuses("MemorySise", "template")

    def test_a_wrong_property_of_the_resource(self):
        self.replace("examples/nested.yaml", "      ServiceTimeout:", "      WaitForSinc: true\n      ServiceTimeout:")
        self.assert_refuses("WaitForSinc", "template")


class Workflows(GateTest):
    def setUp(self):
        super().setUp()
        self.copy(".github", ".ci")

    def test_faults_in_workflows(self):
        self.assert_passes("workflows")
        checks = ".github/workflows/checks.yml"
        sound = (self.project / checks).read_text(encoding="utf-8")
        for old, new, expected in (
            ("runs-on: ubuntu-24.04\n", "runs-on: ubuntu-2404\n", "ubuntu-2404"),
            ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
            ("checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "checkout@v7", "unpinned-uses"),
            ("        with:\n          persist-credentials: false\n", "", "artipacked"),
            ("permissions: {}\n", "permissions: write-all\n", "excessive-permissions"),
            ("run: rustup", "run: echo ${{ github.event.pull_request.title }}; rustup", "github.event.pull_request.title"),
            ("run: rustup", "run: for i in $x; do echo $i; done; if true; rustup", "SC1"),
        ):
            self.replace(checks, old, new)
            self.assert_refuses(expected, "workflows")
            self.write(checks, sound)

    def test_faults_beside_workflows(self):
        self.write(".ci/run", "#!/bin/sh\ncd $1\nrm -r $2\n")
        self.assert_refuses("SC2086", "workflows")
        self.copy(".ci/run")
        self.replace(".ci/run", "exec make test", "make test")
        self.replace(".github/dependabot.yml", "interval: weekly", "interval: now and then")
        self.assert_refuses("now and then", "workflows")


class Dependencies(GateTest):
    """Two workspaces like the project's, with one crate of its lock file."""

    def setUp(self):
        super().setUp()
        self.copy("rust-toolchain.toml", "deny.toml")
        locked = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
        (crate,) = (package for package in locked if package["name"] == "hex")
        package = '[package]\nname = "NAME"\nversion = "0.1.0"\nedition = "2024"\nlicense = "MIT"\npublish = false\n'
        package += f'\n[dependencies]\nhex = "{crate["version"]}"\n\n[workspace]\n'
        lock = "version = 4\n\n" + '[[package]]\nname = "NAME"\nversion = "0.1.0"\ndependencies = ["hex"]\n\n'
        lock += "[[package]]\n" + "".join(f'{key} = "{value}"\n' for key, value in crate.items())
        for folder, name in (("", "planted"), ("fuzz/", "planted-fuzz")):
            self.write(f"{folder}Cargo.toml", package.replace("NAME", name))
            self.write(f"{folder}Cargo.lock", lock.replace("NAME", name))
            self.write(f"{folder}src/lib.rs", "")
        self.replace("deny.toml", "[advisories]\n", f'[advisories]\ndb-path = "{self.project}/advisories"\n')

    def database(self, package):
        """Lets cargo-deny fetch this database instead of RustSec's: one advisory, for this crate."""
        self.write(
            f"rustsec/crates/{package}/RUSTSEC-2000-0001.md",
            f'```toml\n[advisory]\nid = "RUSTSEC-2000-0001"\npackage = "{package}"\ndate = "2000-01-01"\n\n'
            "[versions]\npatched = []\n```\n\n# Planted\n\nA planted advisory.\n",
        )
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "Plant an advisory"]):
            author = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
            subprocess.run(["git", *author, *command], cwd=self.project / "rustsec", check=True)
        return self.instead_of_rustsec(self.project / "rustsec")

    def instead_of_rustsec(self, folder):
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{folder}.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/RustSec/advisory-db",
        }

    def test_an_advisory_for_a_dependency(self):
        self.assert_refuses("RUSTSEC-2000-0001", "deny", **self.database("hex"))

    def test_advisories_that_are_checked_are_not_on_the_list(self):
        output = self.assert_passes("test", "CHECKS=deny", CI="true", GITHUB_ACTIONS="true", **self.database("left-pad"))
        self.assertIn("advisories ok", output)
        self.assertIn("== nothing was skipped", output)

    def test_a_database_that_cannot_be_fetched_is_not_checked(self):
        nowhere = self.instead_of_rustsec(self.project / "nowhere")
        output = self.assert_passes("test", "CHECKS=deny", **nowhere)
        self.assertNotIn("advisories ok", output)
        self.assertIn("== not checked on this machine", output)
        self.assert_passes("test", "CHECKS=deny", CI="true", **nowhere)
        self.assert_refuses("CI may not skip advisories", "test", "CHECKS=deny", CI="true", GITHUB_ACTIONS="true", **nowhere)

    def test_licenses_crates_and_sources(self):
        self.assert_passes("deny", **self.database("left-pad"))
        # The crate is under MIT or Apache-2.0.
        self.replace("deny.toml", '    "Apache-2.0",\n', "")
        allowed = (self.project / "deny.toml").read_text(encoding="utf-8")
        for old, new, expected in (
            ('    "MIT",\n', "", "rejected"),
            ("deny = [\n", 'deny = [\n    { name = "hex" },\n', "banned"),
            ('unknown-registry = "deny"', 'unknown-registry = "deny"\nallow-registry = []', "source-not-allowed"),
        ):
            self.replace("deny.toml", old, new)
            self.assert_refuses(expected, "deny")
            self.write("deny.toml", allowed)
