"""Holds documents against the validators that others publish; runs in the environment that scripts/test makes (target/venv).

    sbom_validators.py FILE…

Prints one JSON object per line: the file, the validator, and what it found wrong (nothing, when it is satisfied).
"""

import json
import pathlib
import re
import sys

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "schemas"


def say(path, validator, errors):
    print(json.dumps({"file": path.name, "validator": validator, "errors": [str(error)[:2000] for error in errors]}), flush=True)


def cyclonedx(path, text):
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from cyclonedx.validation import make_schemabased_validator
    from cyclonedx.exception.model import LicenseExpressionAlongWithOthersException
    from cyclonedx.model.bom import Bom

    is_xml = path.suffix == ".xml"
    if is_xml:
        version = re.search(r"cyclonedx.org/schema/bom/(\d+)\.(\d+)", text)
    else:
        version = re.search(r'"specVersion": "(\d+)\.(\d+)"', text)
    version = SchemaVersion.from_version(".".join(version.groups()))
    validator = make_schemabased_validator(OutputFormat.XML if is_xml else OutputFormat.JSON, version)
    error = validator.validate_str(text)
    say(path, f"cyclonedx-python-lib, schema {version.to_version()}", [error] if error else [])
    # The library's own model reads it too.
    if is_xml:
        from xml.etree import ElementTree
        bom = Bom.from_xml(ElementTree.fromstring(text))
    else:
        bom = Bom.from_json(json.loads(text))
    problems = [] if bom and bom.metadata.component else ["there is no component that it is about"]
    try:
        bom.validate()
    except LicenseExpressionAlongWithOthersException as wrong:
        # 1.7 admits several expressions (the schema is satisfied); this version of the library's model does not know that yet.
        if version is SchemaVersion.V1_7:
            print(json.dumps({"file": path.name, "announced": f"not judged by the library's model: {type(wrong).__name__}"}), flush=True)
        else:
            problems.append(wrong)
    except Exception as wrong:
        problems.append(wrong)
    say(path, "cyclonedx-python-lib, model", problems)


def spdx2(path, _):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_file(str(path))
    say(path, "spdx-tools", [message.validation_message for message in validate_full_spdx_document(document)])
    ntia(path, "spdx2")


def spdx3(path, text):
    import rdflib
    from spdx3_validate.core import Document, check_graph, schema_validator
    from spdx3_validate.spdx_versions import find_version

    data = json.loads(text)
    version = find_version(data["@context"])
    # The context, the schema and the model are files here: nothing is fetched.
    context = json.loads((SCHEMAS / "spdx" / "spdx-3.0.1-context.jsonld").read_text())["@context"]
    graph = rdflib.Graph().parse(data=json.dumps({**data, "@context": context}), format="json-ld")
    document = Document(str(path), data, graph, version)
    schema = json.loads((SCHEMAS / "spdx" / "spdx-3.0.1.schema.json").read_text())
    say(path, "spdx3-validate, schema", [error.message for error in schema_validator(schema).iter_errors(document.data)])
    model = rdflib.Graph().parse(str(SCHEMAS / "spdx" / "spdx-3.0.1-model.jsonld"), format="json-ld")
    say(path, "spdx3-validate, SHACL", check_graph(document.graph, model, version, True))
    ntia(path, "spdx3")


def ntia(path, specification):
    """What the checker says is told, not judged: an image does not know the supplier of everything in it."""
    import ntia_conformance_checker as checker

    for standard in ("ntia", "fsct3-min", "bsi"):
        result = checker.SbomChecker(str(path), sbom_spec=specification, compliance=standard, validate=False)
        failed = list(result.parsing_errors or [])
        say(path, f"ntia-conformance-checker, {standard}, reads it", failed)
        print(json.dumps({
            "file": path.name, "standard": standard, "compliant": bool(result.compliant), "components": result.get_total_number_components(),
            "without_name": len(result.components_without_names), "without_version": len(result.components_without_versions),
            "without_identifier": len(result.components_without_identifiers), "without_supplier": len(result.components_without_suppliers),
            "author": bool(result.doc_author), "timestamp": bool(result.doc_timestamp),
            "relationships": bool(result.dependency_relationships)}), flush=True)


def main():
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        text = path.read_text()
        if ".cdx." in path.name:
            check = cyclonedx
        elif path.name.endswith(".spdx3.json"):
            check = spdx3
        else:
            check = spdx2
        try:
            check(path, text)
        except Exception as error:
            say(path, check.__name__, [f"{type(error).__name__}: {error}"])


if __name__ == "__main__":
    main()
