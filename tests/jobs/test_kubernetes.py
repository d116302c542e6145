"""Jobs for Kubernetes: manifests that a cluster reads, and the recipe of the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.errors import UsageError
from headwater.jobs import Kubernetes, Machines
from headwater.jobs.kubernetes import as_yaml

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return tiny_case(tmp_path / "Três «plants»: 1").write()


def cluster(case: Path, namespace: str = "") -> Kubernetes:
    return Kubernetes("registry.example.org/headwater:1", "studies", case.parent, namespace)


def manifest(case: Path, machines: Machines, namespace: str = "") -> dict[str, Any]:
    made = hw.submit(case, cluster(case, namespace), machines)
    loaded: dict[str, Any] = yaml.safe_load(made.files[0].read_text(encoding="utf-8"))
    return loaded


def test_one_machine_makes_a_job_that_resumes_and_gives_up_on_a_wrong_case(case: Path):
    job = manifest(case, Machines(threads=16, memory_gb=64, hours=1.5, restarts=4), "power")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["metadata"] == {"name": "headwater-tres-plants-1", "namespace": "power"}
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (4, 5400)
    assert {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1, 2, 64]}} in (
        spec["podFailurePolicy"]["rules"]
    )
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # what a failure policy asks for
    container = pod["containers"][0]
    inside = "/study/Três «plants»: 1"
    assert container["command"] == [
        *("headwater", "run", inside, "--output", f"{inside}/output"),
        *("--resume", "--threads", "16"),
    ]
    assert container["resources"]["limits"] == {"cpu": "16", "memory": "65536Mi"}
    assert "env" not in container
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["study"]["persistentVolumeClaim"] == {"claimName": "studies"}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)


def test_several_machines_make_a_job_of_the_mpi_operator(case: Path):
    job = manifest(case, Machines(nodes=3, ranks_per_node=2, threads=8))
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v2beta1", "MPIJob")
    spec = job["spec"]
    assert spec["slotsPerWorker"] == 2
    launcher, worker = (spec["mpiReplicaSpecs"][kind] for kind in ("Launcher", "Worker"))
    assert (launcher["replicas"], worker["replicas"]) == (1, 3)
    words = launcher["template"]["spec"]["containers"][0]["command"]
    assert words[:3] == ["mpirun", "-n", "6"]
    assert words[words.index("headwater") :][:2] == ["headwater", "run"]
    inside = worker["template"]["spec"]["containers"][0]
    assert inside["resources"]["requests"] == {"cpu": "16"}
    assert {"name": "HEADWATER_COMM", "value": "mpi"} in inside["env"]


def test_the_image_installs_this_version_with_mpi(case: Path):
    made = hw.submit(case, cluster(case))
    recipe = next(path for path in made.files if path.name == "Containerfile").read_text()
    assert f'"headwater[mpi]=={hw.__version__}"' in recipe
    assert any("docker build" in remark for remark in made.remarks)
    assert made.command.startswith("kubectl create -f ")


def test_what_is_not_on_the_volume_is_refused(case: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="is not below"):
        hw.submit(case, cluster(case), output=tmp_path.parent / "elsewhere")


@pytest.mark.parametrize(("image", "claim"), [("", "studies"), ("a b", "studies"), ("a", "")])
def test_image_and_claim_are_asked_for(image: str, claim: str, tmp_path: Path):
    with pytest.raises(UsageError, match=r"needs the name of its (image|claim)"):
        Kubernetes(image, claim, tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        {"a": [], "b": {}, "c": [{"d": 1, "e": [1, "x"]}, "y"], "f": None, "g": True},
        {"text": "a: b # c", "more": 'é "quoted" \\ and\nlines', "number": "08", "word": "no"},
        {"nested": {"list": [{"x": {"y": [{"z": 1.5}]}}]}},
    ],
)
def test_yaml_says_what_was_put_in(value: dict[str, Any]):
    assert yaml.safe_load(as_yaml(value)) == value
