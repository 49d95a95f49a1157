"""Checks rendered manifests: manifests.py CRDS RENDERED, two directories; scripts/manifests calls it."""

import json
import pathlib
import re
import sys

import jsonschema
import kubernetes_validate
import yaml

# unhealthyPodEvictionPolicy is on by default from 1.27.
KUBERNETES = ["1.27", "1.37"]
# `topics` makes as many.
PARTITIONS, REPLICAS = 10, 3
# Kafka's default of max.message.bytes, and the room that `topics` adds for the headers of a dead letter.
DEAD_LETTER_BYTES = 1_048_588 + 64 * 1024


class Complaint(Exception):
    """What is wrong, for people."""


def expect(truth, message):
    if not truth:
        raise Complaint(message)


def strict(schema):
    """A definition's schema as JSON schema that refuses fields which it does not name, as `kubectl apply` does.

    Rules in CEL (x-kubernetes-validations) are not looked at.
    """
    schema = dict(schema)
    if schema.pop("x-kubernetes-int-or-string", False):
        schema["type"] = ["integer", "string"]
    if schema.pop("nullable", False):
        schema["type"] = [schema["type"], "null"]
    if "(?i)" in schema.get("pattern", ""):
        # Go takes the flag anywhere, Python in front only.
        schema["pattern"] = "(?i)" + schema["pattern"].replace("(?i)", "")
    if "properties" in schema:
        schema["properties"] = {name: strict(it) for name, it in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            schema[inner] = strict(schema[inner])
    return schema


def definitions(directory):
    """The schema of each custom resource, by API version and kind."""
    schemas = {}
    for path in directory.glob("*.yaml"):
        spec = yaml.safe_load(path.read_text())["spec"]
        for version in spec["versions"]:
            if version["served"]:
                key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                schemas[key] = strict(version["schema"]["openAPIV3Schema"])
    return schemas


def defaults():
    """The service's settings with their defaults, from the table of the README, which a test keeps true."""
    table = re.findall(r"^\| `(\w+\.\w+)` \| (?:`(.*?)`)? \|", pathlib.Path("README.md").read_text(), re.M)
    expect(table, "README.md has no table of settings")
    return dict(table)


def seconds(duration):
    match = re.fullmatch(r"(\d+)(s|m)", duration)
    expect(match, f"{duration} is not in seconds or minutes")
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def schema_of_kind(manifest, schemas, scaler):
    kind = manifest["apiVersion"], manifest["kind"]
    try:
        if kind in schemas:
            jsonschema.validate(manifest, schemas[kind], jsonschema.Draft202012Validator)
        else:
            for version in KUBERNETES:
                kubernetes_validate.validate(manifest, version, strict=True)
    except jsonschema.ValidationError as error:
        raise Complaint(f"{error.json_path}: {error.message}") from None
    except kubernetes_validate.SchemaNotFoundError as error:
        raise Complaint(f"neither Kubernetes {error.version} nor a known definition has {' '.join(kind)}") from None
    if manifest["kind"] == "ScaledObject":
        trigger_metadata(manifest, scaler)


def trigger_metadata(scaled, parameters):
    """The definition takes any name there, and KEDA passes over those that it does not know."""
    for trigger in scaled["spec"]["triggers"]:
        expect(trigger["type"] == "kafka", f"the trigger {trigger['type']} is not checked here")
        for name, value in trigger["metadata"].items():
            known = parameters.get(name.removesuffix("FromEnv"))
            expect(known, f"the trigger has no parameter {name}")
            if name.endswith("FromEnv"):
                expect(known.get("envVariableReadable"), f"the trigger does not read {name}")
                continue
            expect(known.get("metadataVariableReadable"), f"the trigger takes {name} from a TriggerAuthentication only")
            allowed = known.get("allowedValue", [value])
            expect(value in allowed, f"{name} is {value}, the trigger knows {', '.join(allowed)}")


def agrees(manifest, settings):
    """What the manifest says of the service is what the service does."""
    spec = manifest.get("spec", {})
    match manifest["kind"]:
        case "ConfigMap":
            for name in manifest["data"]:
                if name.startswith("SCORER_"):
                    setting = ".".join(name.removeprefix("SCORER_").lower().split("__")[:2])
                    expect(setting in settings, f"{name}: the service has no setting {setting}")
        case "ScaledObject":
            for trigger in spec["triggers"]:
                metadata = trigger["metadata"]
                for parameter, value in {
                    "consumerGroup": settings["kafka.group_id"],
                    "topic": settings["kafka.input_topic"],
                    # Not a setting: the service refuses any other.
                    "offsetResetPolicy": "earliest",
                }.items():
                    expect(metadata.get(parameter) == value, f"{parameter} is not {value}, as in the service")
            expect(spec["minReplicaCount"] >= 1, "minReplicaCount is below 1")
            expect(spec["maxReplicaCount"] <= PARTITIONS, f"maxReplicaCount is above {PARTITIONS} partitions")
        case "KafkaTopic":
            topics = {settings[f"kafka.{which}_topic"] for which in ("input", "output", "dead_letter")}
            expect(spec["topicName"] in topics, f"{spec['topicName']} is not a topic of the service")
            expect(spec["partitions"] == PARTITIONS, f"partitions is not {PARTITIONS}")
            expect(spec["replicas"] == REPLICAS, f"replicas is not {REPLICAS}")
            dead_letter = spec["topicName"] == settings["kafka.dead_letter_topic"]
            wanted = {"max.message.bytes": DEAD_LETTER_BYTES} if dead_letter else {}
            expect(spec.get("config", {}) == wanted, f"config is not {wanted}")
        case "KafkaUser":
            group = settings["kafka.group_id"]
            granted = {
                (it["resource"]["type"], it["resource"]["name"], it["resource"].get("patternType", "literal")):
                set(it["operations"])
                for it in spec["authorization"]["acls"]
            }
            expect(granted == {
                ("topic", settings["kafka.input_topic"], "literal"): {"Read", "DescribeConfigs"},
                ("topic", settings["kafka.output_topic"], "literal"): {"Write", "DescribeConfigs"},
                ("topic", settings["kafka.dead_letter_topic"], "literal"): {"Write", "DescribeConfigs"},
                ("group", group, "literal"): {"Read"},
                ("transactionalId", group, "prefix"): {"Write"},
            }, "the rights are not those of `serve` in the README")


def pods(manifests):
    """The pod's grace is longer than the drain, and its probes ask what the service answers."""
    for deployment in (it for it in manifests if it["kind"] == "Deployment"):
        expect("replicas" not in deployment["spec"], "replicas in the Deployment would undo what a scaler decided")
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        name = container["envFrom"][0]["configMapRef"]["name"]
        environment = next(it["data"] for it in manifests if it["kind"] == "ConfigMap" and it["metadata"]["name"] == name)
        grace, drain = pod["terminationGracePeriodSeconds"], seconds(environment["SCORER_SHUTDOWN__GRACE"])
        expect(grace > drain, f"terminationGracePeriodSeconds is {grace}, the drain takes up to {drain} s")
        for probe, path in {"startup": "startup", "liveness": "live", "readiness": "ready"}.items():
            asked = container[f"{probe}Probe"]["httpGet"]["path"]
            expect(asked == f"/health/{path}", f"the {probe} probe asks {asked}")


def main(crds, rendered):
    schemas = definitions(crds)
    scalers = json.loads((crds / "scalers-schema.json").read_text())["scalers"]
    scaler = {it["name"]: it for it in next(it for it in scalers if it["type"] == "kafka")["parameters"]}
    settings = defaults()
    complaints = 0
    for path in sorted(rendered.glob("*.yaml")):
        manifests = [it for it in yaml.safe_load_all(path.read_text()) if it]
        sound = True
        for manifest in manifests:
            try:
                schema_of_kind(manifest, schemas, scaler)
                agrees(manifest, settings)
            except Complaint as complaint:
                sound = False
                complaints += 1
                print(f"{path}: {manifest['kind']} {manifest['metadata']['name']}: {complaint}", file=sys.stderr)
        if sound:
            try:
                pods(manifests)
            except Complaint as complaint:
                complaints += 1
                print(f"{path}: {complaint}", file=sys.stderr)
        print(f"manifests: {path.stem}: {len(manifests)} objects")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*map(pathlib.Path, sys.argv[1:])))
