"""`Deploy/recipes.md`: nothing stands there that is not tried, and all of it may be copied."""

import pytest
import test_pages
import test_small_apps

from harness.certificates import make_certificate
from harness.gateway import command
from harness.recipes import sections


def test_every_recipe_is_tried():
    tried = {kind.recipe for kind in [*test_small_apps.KINDS, *test_pages.KINDS]}
    assert tried == sections().keys() - {""}


@pytest.mark.parametrize("title", sorted(sections().keys() - {""}))
def test_a_recipe_passes_the_check_as_it_stands(title, tmp_path):
    certificate, key = make_certificate(tmp_path, "tls")
    (tmp_path / "tls").mkdir()
    certificate.rename(tmp_path / "tls" / "fullchain.pem")
    key.rename(tmp_path / "tls" / "privkey.pem")
    file = tmp_path / "gateway.conf"
    file.write_text(sections()[""] + sections()[title])
    done = command("check", "--config", file)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
