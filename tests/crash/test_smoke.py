from tests.crash.estate import DUE, titles
import time
def test_all(product, company):
    for c in ("warn","delete"):
        t=time.time()
        e = product.run(c, at=DUE); print(e.status, e.out, e.err, time.time()-t)
    print(company.gone(), sorted(titles("removed")))
    for x in titles("warned","reminded","rescued","used"):
        print(x, [(w, m.text) for w, m in company.told(x)])
    print(company.writes())
    t=time.time()
    e = product.run("run", at=DUE); print(e.status, e.out, e.err, time.time()-t)
    assert 0
