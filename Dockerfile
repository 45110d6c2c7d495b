# Two stages: one builds the wheel and its locked dependencies, the other only runs them, as nobody in particular.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/bi-governance && /opt/bi-governance/bin/pip install --no-cache-dir "hatchling==1.27.0" "build==1.2.2"
COPY requirements.lock ./
RUN /opt/bi-governance/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bi_governance bi_governance
COPY dbt_project dbt_project
COPY config config
RUN /opt/bi-governance/bin/python -m build --wheel --no-isolation --outdir /wheels \
 && /opt/bi-governance/bin/pip install --no-cache-dir --no-deps /wheels/*.whl \
 && /opt/bi-governance/bin/pip uninstall --yes build hatchling

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /home/bi bi \
 && mkdir -p /home/bi/data /home/bi/config && chown -R bi /home/bi
COPY --from=build /opt/bi-governance /opt/bi-governance
ENV PATH=/opt/bi-governance/bin:$PATH PYTHONUNBUFFERED=1 DBT_SEND_ANONYMOUS_USAGE_STATS=false
USER bi
WORKDIR /home/bi
VOLUME ["/home/bi/data", "/home/bi/config"]
ENTRYPOINT ["bi-governance"]
CMD ["serve"]
