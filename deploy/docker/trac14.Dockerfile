# Trac 1.4 on Python 2.7, as many run it: to try LearnTrac beside it. Build it from this folder.
FROM python:2.7-slim-buster
RUN pip install --no-cache-dir --disable-pip-version-check \
    Trac==1.4.4 Jinja2==2.11.3 MarkupSafe==1.1.1 psycopg2-binary==2.8.6 setuptools==44.1.1 \
 && groupadd --gid 10001 trac && useradd --uid 10001 --gid trac --no-create-home trac \
 && mkdir /trac && chown trac:trac /trac
COPY trac14-start.sh /usr/local/bin/trac14-start
USER 10001:10001
VOLUME /trac
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib2; urllib2.urlopen('http://127.0.0.1:8000/trac/about', timeout=4)"]
ENTRYPOINT ["sh", "/usr/local/bin/trac14-start"]
