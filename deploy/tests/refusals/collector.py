"""The configuration of the collector for X-Ray, as far as it can be checked without the collector itself."""

import re
import textwrap
import unittest

import yaml

from account import TEMPLATES

# Components of AWS's distribution, by the names of their sections.
COMPONENTS = {
    "receivers": {"otlp", "awsxray", "zipkin", "jaeger"},
    "processors": {"memory_limiter", "batch", "resource", "attributes", "filter", "probabilistic_sampler"},
    "exporters": {"awsxray", "otlp", "otlphttp", "debug"},
}
FILES = ("deploy/fargate/server.yaml", "deploy/fargate/worker.yaml", "compose/production.yaml")


def read(file: str) -> tuple[str, dict]:
    """A file, and the configuration in it."""
    text = (TEMPLATES.parent / file).read_text()
    block = re.search(r"^ *(?:- Name: )?AOT_CONFIG_CONTENT(?:\n *Value)?: \|\n((?: {8,}.*\n)+)", text, re.MULTILINE)[1]
    indent = len(block) - len(block.lstrip())
    lines = [line for line in block.splitlines() if line.startswith(" " * indent)]
    return text, yaml.safe_load(textwrap.dedent("\n".join(lines)))


class Collector(unittest.TestCase):
    def test_a_pipeline_uses_what_is_configured_and_what_exists(self):
        for file in FILES:
            text, configuration = read(file)
            with self.subTest(file):
                pipeline = configuration["service"]["pipelines"]["traces"]
                for section, known in COMPONENTS.items():
                    self.assertEqual(set(configuration[section]), set(pipeline[section]))
                    self.assertLessEqual(set(pipeline[section]), known)
                # Before anything that stores spans.
                self.assertEqual(["memory_limiter", "batch"], pipeline["processors"])
                limiter = configuration["processors"]["memory_limiter"]
                self.assertLess(limiter["spike_limit_mib"], limiter["limit_mib"])
                # Of the container.
                limit = re.search(r"(?:Memory: |mem_limit: )(256)m?\n", text)[1]
                self.assertLess(limiter["limit_mib"], int(limit) * 0.8)
                endpoint = configuration["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
                programs = text if "deploy" in file else (TEMPLATES / "beanstalk.yaml").read_text()
                self.assertRegex(programs, rf"OTEL_EXPORTER_OTLP_ENDPOINT[^-]*http://{re.escape(endpoint)}")

    def test_all_collectors_differ_only_in_their_address(self):
        configurations = [read(file)[1] for file in FILES]
        for each in configurations:
            del each["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
        self.assertEqual(configurations[0], configurations[1])
        self.assertEqual(configurations[0], configurations[2])


if __name__ == "__main__":
    unittest.main(verbosity=2)
