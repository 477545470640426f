# Runs `wstest` out of the folder that its packages were installed into (Python 2.7).
#
#   fuzzing_client.py FOLDER -m fuzzingclient -s SPEC
import site
import sys

folder = sys.argv.pop(1)
# In front of whatever else is installed; addsitedir makes the namespace package `zope`.
sys.path.insert(0, folder)
site.addsitedir(folder)
sys.argv[0] = "wstest"

from autobahntestsuite.wstest import run  # noqa: E402

run()
