from tests.crash.estate import DUE
from tests.crash.record import *
from tests.crash.child import Blow
def test(product):
    b=inventory(product),history(product)
    assert product.run("collect", at=DUE).status==0
    a=inventory(product),history(product)
    for x,y in zip(b,a):
        for t in x:
            if x[t]!=y[t]: print(t, len(x[t]),len(y[t]), [r for r in y[t] if r not in x[t]][:5], [r for r in x[t] if r not in y[t]][:5])
    print({t:len(x) for t,x in {**a[0],**a[1]}.items()}, collected(product))
    assert_inventory_whole(product)
    import time
    from datetime import timedelta
    for i in range(3):
        t=time.time(); e=product.run("delete", at=DUE+timedelta(minutes=20)); print("delete",time.time()-t, e)
        t=time.time(); e=product.run("collect", at=DUE+timedelta(minutes=20)); print("collect",time.time()-t)
        t=time.time(); e=product.run("transform", at=DUE+timedelta(minutes=20)); print("transform",time.time()-t)
    assert 0
