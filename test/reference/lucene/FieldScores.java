import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
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
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.ByteBuffersDirectory;

/**
 * BM25 scores of Lucene over two fields, as Anserini searches several: a query's clause for each field, boosted by its weight. Arguments:
 * hits a query, then pairs of the title's and the text's weight. Standard input and output are those of Scores, the weights in place of k1
 * and b, which are 0.9 and 0.4. A document's title goes to its first space at or after 60, in UTF-16 units; the rest is its text.
 */
public class FieldScores {
  private static Query clause(Map<String, Integer> counts, String field, float weight) {
    BooleanQuery.Builder query = new BooleanQuery.Builder();
    counts.forEach((term, count) ->
        query.add(new BoostQuery(new TermQuery(new Term(field, term)), count), BooleanClause.Occur.SHOULD));
    return new BoostQuery(query.build(), weight);
  }

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
    PrintStream out = new PrintStream(new java.io.BufferedOutputStream(System.out, 1 << 20), false, "UTF-8");
    EnglishAnalyzer analyzer = new EnglishAnalyzer();
    ByteBuffersDirectory directory = new ByteBuffersDirectory();
    try (IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig(analyzer))) {
      for (String line = in.readLine(); !line.equals("--"); line = in.readLine()) {
        String whole = Tokens.unescape(line);
        int space = whole.indexOf(' ', 60);
        int end = space < 0 ? whole.length() : space;
        Document document = new Document();
        document.add(new TextField("title", whole.substring(0, end), Field.Store.NO));
        document.add(new TextField("text", whole.substring(end), Field.Store.NO));
        writer.addDocument(document);
      }
      writer.forceMerge(1);
    }
    List<Map<String, Integer>> queries = new ArrayList<>();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Map<String, Integer> counts = new LinkedHashMap<>();
      try (TokenStream stream = analyzer.tokenStream("text", Tokens.unescape(line))) {
        CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
        stream.reset();
        while (stream.incrementToken()) counts.merge(term.toString(), 1, Integer::sum);
        stream.end();
      }
      queries.add(counts);
    }
    try (DirectoryReader reader = DirectoryReader.open(directory)) {
      for (int p = 1; p < args.length; p += 2) {
        IndexSearcher searcher = new IndexSearcher(reader);
        searcher.setSimilarity(new BM25Similarity(0.9f, 0.4f));
        for (int q = 0; q < queries.size(); q++) {
          BooleanQuery.Builder query = new BooleanQuery.Builder();
          query.add(clause(queries.get(q), "title", Float.parseFloat(args[p])), BooleanClause.Occur.SHOULD);
          query.add(clause(queries.get(q), "text", Float.parseFloat(args[p + 1])), BooleanClause.Occur.SHOULD);
          out.print(args[p] + " " + args[p + 1] + " " + q);
          for (ScoreDoc hit : searcher.search(query.build(), Integer.parseInt(args[0])).scoreDocs) {
            out.print(" " + hit.doc + ":" + Integer.toHexString(Float.floatToIntBits(hit.score)));
          }
          out.print('\n');
        }
      }
    }
    out.flush();
  }
}
