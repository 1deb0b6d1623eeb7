import java.io.*;
import java.lang.management.*;
import java.nio.file.*;
import java.util.*;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.document.*;
import org.apache.lucene.index.*;
import org.apache.lucene.search.*;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.*;

/**
 * Lucene 10's BM25, for bm25.ts: `index TEXTS FOLDER` (one segment, documents and frequencies, ids stored), `search FOLDER QUERIES K ROUNDS`; one
 * line of JSON out, seconds of the thread's processor time. It wants Java 21 and lucene-core and lucene-analysis-common of Maven, compiled by
 *
 *     javac -cp 'jars/*' -d classes bench/Bm25Lucene.java
 */
public class Bm25Lucene {
  static double cpu() { return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1e9; }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("index")) index(args[1], args[2]);
    else search(args[1], args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
  }

  static void index(String texts, String folder) throws Exception {
    IndexWriterConfig config = new IndexWriterConfig(new EnglishAnalyzer());
    config.setSimilarity(new BM25Similarity(0.9f, 0.4f));
    config.setRAMBufferSizeMB(1024);
    config.setMergeScheduler(new SerialMergeScheduler());
    FieldType type = new FieldType();
    type.setIndexOptions(IndexOptions.DOCS_AND_FREQS);
    type.setTokenized(true);
    type.freeze();
    double from = cpu();
    try (Directory directory = FSDirectory.open(Path.of(folder)); IndexWriter writer = new IndexWriter(directory, config);
        BufferedReader in = Files.newBufferedReader(Path.of(texts))) {
      int n = 0;
      for (String line; (line = in.readLine()) != null; n++) {
        Document document = new Document();
        document.add(new StoredField("id", Integer.toString(n)));
        document.add(new Field("contents", line, type));
        writer.addDocument(document);
      }
      writer.forceMerge(1);
    }
    System.out.printf("{\"cpu\":%.3f}%n", cpu() - from);
  }

  static void search(String folder, String queries, int k, int rounds) throws Exception {
    List<String> asked = Files.readAllLines(Path.of(queries));
    EnglishAnalyzer analyzer = new EnglishAnalyzer();
    try (Directory directory = FSDirectory.open(Path.of(folder)); DirectoryReader reader = DirectoryReader.open(directory)) {
      IndexSearcher searcher = new IndexSearcher(reader);
      searcher.setSimilarity(new BM25Similarity(0.9f, 0.4f));
      searcher.setQueryCache(null);
      StringBuilder times = new StringBuilder();
      double sum = 0;
      for (int round = 0; round <= rounds; round++) {
        double from = cpu();
        sum = 0;
        for (String text : asked) {
          Map<String, Integer> counts = new LinkedHashMap<>();
          try (TokenStream stream = analyzer.tokenStream("contents", text)) {
            CharTermAttribute term = stream.getAttribute(CharTermAttribute.class);
            stream.reset();
            while (stream.incrementToken()) counts.merge(term.toString(), 1, Integer::sum);
            stream.end();
          }
          BooleanQuery.Builder query = new BooleanQuery.Builder();
          counts.forEach((term, count) -> {
            Query one = new TermQuery(new Term("contents", term));
            query.add(count == 1 ? one : new BoostQuery(one, count), BooleanClause.Occur.SHOULD);
          });
          // The threshold of counted hits at k: nothing is counted beyond what ranking needs.
          TopDocs top = searcher.search(query.build(), new TopScoreDocCollectorManager(k, null, k));
          for (ScoreDoc hit : top.scoreDocs) sum += hit.score;
        }
        if (round > 0) times.append(times.length() > 0 ? "," : "").append(String.format("%.3f", cpu() - from));
      }
      System.out.printf("{\"search\":[%s],\"scores\":%.6f}%n", times, sum);
    }
  }
}
