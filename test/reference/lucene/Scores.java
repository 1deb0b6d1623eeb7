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
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.ByteBuffersDirectory;

/**
 * BM25 scores of Lucene. Arguments: hits a query, then pairs of k1 and b. Standard input: documents, one a line (escaped
 * as for Tokens), a line `--`, queries. Standard output, a line for each pair and query: k1, b, the query's number, then
 * `document:score` with the score's 32 bits in hexadecimal. A term that stands n times in a query is boosted by n.
 */
public class Scores {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
    PrintStream out = new PrintStream(new java.io.BufferedOutputStream(System.out, 1 << 20), false, "UTF-8");
    EnglishAnalyzer analyzer = new EnglishAnalyzer();
    ByteBuffersDirectory directory = new ByteBuffersDirectory();
    try (IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig(analyzer))) {
      for (String line = in.readLine(); !line.equals("--"); line = in.readLine()) {
        Document document = new Document();
        document.add(new TextField("contents", Tokens.unescape(line), Field.Store.NO));
        writer.addDocument(document);
      }
      writer.forceMerge(1);
    }
    List<BooleanQuery> queries = new ArrayList<>();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Map<String, Integer> counts = new LinkedHashMap<>();
      try (TokenStream stream = analyzer.tokenStream("contents", Tokens.unescape(line))) {
        CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
        stream.reset();
        while (stream.incrementToken()) counts.merge(term.toString(), 1, Integer::sum);
        stream.end();
      }
      BooleanQuery.Builder query = new BooleanQuery.Builder();
      counts.forEach((term, count) ->
          query.add(new BoostQuery(new TermQuery(new Term("contents", term)), count), BooleanClause.Occur.SHOULD));
      queries.add(query.build());
    }
    try (DirectoryReader reader = DirectoryReader.open(directory)) {
      for (int p = 1; p < args.length; p += 2) {
        IndexSearcher searcher = new IndexSearcher(reader);
        searcher.setSimilarity(new BM25Similarity(Float.parseFloat(args[p]), Float.parseFloat(args[p + 1])));
        for (int q = 0; q < queries.size(); q++) {
          out.print(args[p] + " " + args[p + 1] + " " + q);
          for (ScoreDoc hit : searcher.search(queries.get(q), Integer.parseInt(args[0])).scoreDocs) {
            out.print(" " + hit.doc + ":" + Integer.toHexString(Float.floatToIntBits(hit.score)));
          }
          out.print('\n');
        }
      }
    }
    out.flush();
  }
}
