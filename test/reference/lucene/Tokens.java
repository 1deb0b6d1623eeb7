import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;

/**
 * Terms of Lucene's EnglishAnalyzer. Standard input: one text a line, UTF-8, with `\n`, `\r` and `\\` written as such.
 * Standard output: one line a text, its terms separated by U+0001.
 */
public class Tokens {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
    PrintStream out = new PrintStream(new java.io.BufferedOutputStream(System.out, 1 << 20), false, "UTF-8");
    try (EnglishAnalyzer analyzer = new EnglishAnalyzer()) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        StringBuilder terms = new StringBuilder();
        try (TokenStream stream = analyzer.tokenStream("contents", unescape(line))) {
          CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
          stream.reset();
          while (stream.incrementToken()) terms.append(terms.length() == 0 ? "" : "\u0001").append(term);
          stream.end();
        }
        out.print(terms);
        out.print('\n');
      }
    }
    out.flush();
  }

  static String unescape(String line) {
    if (line.indexOf('\\') < 0) return line;
    StringBuilder text = new StringBuilder(line.length());
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c != '\\') {
        text.append(c);
        continue;
      }
      char d = line.charAt(++i);
      text.append(d == 'n' ? '\n' : d == 'r' ? '\r' : '\\');
    }
    return text.toString();
  }
}
