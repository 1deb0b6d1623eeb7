import io.anserini.collection.FileSegment;
import io.anserini.collection.TrecCollection;
import io.anserini.search.topicreader.CovidTopicReader;
import io.anserini.search.topicreader.TopicReader;
import io.anserini.search.topicreader.TrecTopicReader;
import io.anserini.search.topicreader.WebxmlTopicReader;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What Anserini reads from the folders docs and topics, as JSON: the contents it indexes, and topics by field. */
public class TrecGolden {
  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, "UTF-8");
    TrecCollection collection = new TrecCollection(Path.of("docs"));
    List<Path> paths = new ArrayList<>(collection.getSegmentPaths());
    Collections.sort(paths);
    List<String> rows = new ArrayList<>();
    for (Path path : paths) {
      FileSegment<TrecCollection.Document> segment = collection.createFileSegment(path);
      for (TrecCollection.Document document : segment) {
        rows.add("    { \"id\": " + quoted(document.id()) + ", \"contents\": " + quoted(document.contents()) + " }");
      }
    }
    out.println("{\n  \"documents\": [\n" + String.join(",\n", rows) + "\n  ],\n  \"topics\": {");
    List<String> files = new ArrayList<>();
    for (String name : List.of("adhoc.txt", "core.txt", "early.txt", "fire.txt")) {
      files.add(topics(name, new TrecTopicReader(Path.of("topics", name))));
    }
    files.add(topics("covid.xml", new CovidTopicReader(Path.of("topics/covid.xml"))));
    files.add(topics("web.xml", new WebxmlTopicReader(Path.of("topics/web.xml"))));
    out.println(String.join(",\n", files) + "\n  }\n}");
    out.flush();
  }

  static String topics(String name, TopicReader<Integer> reader) throws Exception {
    List<String> rows = new ArrayList<>();
    for (Map.Entry<Integer, Map<String, String>> topic : reader.read().entrySet()) {
      List<String> fields = new ArrayList<>();
      for (Map.Entry<String, String> field : new TreeMap<>(topic.getValue()).entrySet()) {
        fields.add(quoted(field.getKey()) + ": " + quoted(field.getValue()));
      }
      rows.add("      \"" + topic.getKey() + "\": { " + String.join(", ", fields) + " }");
    }
    return "    " + quoted(name) + ": {\n" + String.join(",\n", rows) + "\n    }";
  }

  static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') json.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) json.append(String.format("\\u%04x", (int) c));
      else json.append(c);
    }
    return json.append('"').toString();
  }
}
