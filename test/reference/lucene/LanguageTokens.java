import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.lucene.analysis.*;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;

/** The terms of each line of standard input by one of Lucene's analyzers, separated by U+0001; \n, \r and \\ are escapes. */
public class LanguageTokens {
  public static void main(String[] args) throws Exception {
    Map<String, String> classes = Map.ofEntries(
        Map.entry("english", "en.EnglishAnalyzer"), Map.entry("whitespace", "core.WhitespaceAnalyzer"),
        Map.entry("german", "de.GermanAnalyzer"), Map.entry("french", "fr.FrenchAnalyzer"),
        Map.entry("spanish", "es.SpanishAnalyzer"), Map.entry("italian", "it.ItalianAnalyzer"),
        Map.entry("portuguese", "pt.PortugueseAnalyzer"), Map.entry("dutch", "nl.DutchAnalyzer"),
        Map.entry("swedish", "sv.SwedishAnalyzer"), Map.entry("russian", "ru.RussianAnalyzer"),
        Map.entry("arabic", "ar.ArabicAnalyzer"), Map.entry("cjk", "cjk.CJKAnalyzer"));
    Analyzer analyzer = (Analyzer) Class.forName("org.apache.lucene.analysis." + classes.get(args[0]))
        .getDeclaredConstructor().newInstance();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintWriter out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8)));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String text = line.indexOf('\\') < 0 ? line
          : line.replaceAll("\\\\\\\\", "\u0002").replace("\\n", "\n").replace("\\r", "\r").replace("\u0002", "\\");
      StringJoiner terms = new StringJoiner("\u0001");
      try (TokenStream stream = analyzer.tokenStream("text", text)) {
        CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
        stream.reset();
        while (stream.incrementToken()) terms.add(term.toString());
        stream.end();
      }
      out.println(terms);
    }
    out.flush();
  }
}
