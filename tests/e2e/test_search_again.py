"""A changed source file, under a real daemon."""

import dagster as dg
import pytest

from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import serving
from tests.dagster.installations import write_samples
from tests.e2e.served import Served, has_looked

pytestmark = pytest.mark.e2e


def test_three_quick_changes_lead_to_one_warm_search(installed: Installation) -> None:
    file = installed.campaigns
    declared = file.read_text().replace("report_evaluations: 2", "report_evaluations: 0").rstrip()
    file.write_text(declared + "\n    on_pool_change: {when: on_change, budget: 1}\n")
    with serving(installed) as services, Served.of(services) as served:
        served.do("demo_prepare")
        served.do("start_search", name="first", budget=1, report_evaluations=0)
        served.wait(lambda: served.is_done("first"))
        # The sensor has to have seen the files as they were before they change.
        served.wait(lambda: has_looked(served))

        for number in range(3):
            write_samples(file.parent / "raw" / f"more{number}.jsonl", 10, seed=number)
        served.wait(lambda: len(served.ledger.searches()) > 1)
        again = served.ledger.searches()[1].search
        served.wait(lambda: served.is_done(again))

        assert served.ledger.search(again).spec.warm_from == "first"
        assert len(served.ledger.searches()) == len(served.client.instance.get_runs(_RESEARCH)) + 1 == 2


_RESEARCH = dg.RunsFilter(job_name="demo_search_again")
