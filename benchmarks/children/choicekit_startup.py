"""What a user waits for at first: the `import`, a `fit` of both models, or the whole `report`."""

import contextlib
import io
import json
import sys
import time

HEAVY = ("matplotlib", "torch", "dask")

start = time.perf_counter()
import choicekit as ck  # noqa: E402

found = {"import": time.perf_counter() - start}
found["heavy"] = [name for name in HEAVY if name in sys.modules]
if sys.argv[1] != "import":
    frame = ck.load_dataset("travelmode")
    data = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    logit = ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()
    found["logit"] = time.perf_counter() - start
    probit = ck.probit("choice ~ gc + ttme | hinc", data, base="car").fit(seed=1)
    found["probit"] = time.perf_counter() - start
if sys.argv[1] == "report":
    with contextlib.redirect_stdout(io.StringIO()):
        print(logit.summary(), probit.summary(), ck.compare(logit, probit))
    found["report"] = time.perf_counter() - start
print(json.dumps(found))
