// report.html: what it holds, and how a browser takes it.
#include <cmath>
#include <cstdlib>
#include "support/temporary_folder.h"

#include <gtest/gtest.h>

#include <weft/train/report.h>

namespace weft {

using namespace testing;
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// A report with every part: many classes, hostile names, a value that is no number.
nn::ReportData full_report() {
  nn::ReportData d;
  d.title = "net on <data> & \"more\"";
  for (int epoch = 0; epoch < 5; ++epoch) {
    d.history.epoch.push_back(epoch);
    d.history.logs.push_back({{"loss", epoch == 3 ? std::nan("") : 2.0 / (epoch + 1)},
                              {"accuracy", 0.2 * epoch},
                              {"val_loss", 2.1 / (epoch + 1)},
                              {"val_accuracy", 0.15 * epoch}});
  }
  d.results = {{"test accuracy", "60.00 %"}, {"training time", "12.0 s"}};
  for (std::size_t i = 0; i < 20; ++i) {
    d.class_names.push_back(i == 3 ? "<script>console.error('class')</script>" : "class-number-" + std::to_string(i));
    d.confusion.emplace_back(20, 1);
    d.confusion.back()[i] = 31;
  }
  for (int channels : {1, 3})
    d.wrong.push_back({std::vector<std::uint8_t>(static_cast<std::size_t>(channels * 20 * 30), 128), channels, 20, 30,
                       0, 3, 0.987, "it's wrong"});
  d.summary = std::string(300, '-') + "\nTotal params: 10";
  d.settings = {{"data_dir", ""}, {"data", std::string(200, 'x')}};
  d.environment = {{"weights (SHA-256)", std::string(64, 'f')}};
  return d;
}

TEST(Report, HoldsEveryPartAndEscapesNames) {
  const std::string html = nn::report_html(full_report());
  for (const char* part : {"Curves", "Confusion matrix", "Per class", "Most confidently wrong", "Model", "Settings",
                           "Environment", "60.00 %", "net on &lt;data&gt; &amp; &quot;more&quot;",
                           "data:image/png;base64,iVBOR", "epoch 5: 0.4000", "(99 %)"})
    EXPECT_TRUE(contains(html, part)) << part;
  // 31 right of 31 + 19 in each row and column.
  EXPECT_TRUE(contains(html, "<td>50</td><td>0.620</td><td>0.620</td><td>0.620</td>"));
  for (const char* part : {"<script", "nan", "inf", "http:", "https:", "it's"})
    EXPECT_FALSE(contains(html, part)) << part;
}

TEST(Report, PartsThatAreEmptyAreLeftOut) {
  nn::ReportData d;
  d.title = "bare";
  const std::string html = nn::report_html(d);
  EXPECT_FALSE(contains(html, "<h2>"));
  d.history.epoch = {0};
  d.history.logs = {{{"loss", 1.0}}};  // one epoch, one value: a point, no line
  const std::string one = nn::report_html(d);
  EXPECT_TRUE(contains(one, "epoch 1: 1.0000"));
  EXPECT_FALSE(contains(one, "nan"));
}

TEST(Report, SmallValuesHaveRoomBesideTheAxis) {
  nn::ReportData d;
  d.history.epoch = {0, 1};
  d.history.logs = {{{"loss", 0.00123}}, {{"loss", 0.00001}}};
  const std::string html = nn::report_html(d);
  EXPECT_TRUE(contains(html, "<text x='60' y='34.0' text-anchor='end'>0.00123</text>")) << html;
  d.history.logs = {{{"loss", 2.9876}}, {{"loss", 2.9756}}};
  EXPECT_TRUE(contains(nn::report_html(d), ">2.9876</text>")) << "neighbours must differ";
}

/// The epochs written under a plot of so many epochs.
std::vector<int> ticks(int epochs) {
  nn::ReportData d;
  for (int e = 0; e < epochs; ++e) {
    d.history.epoch.push_back(e);
    d.history.logs.push_back({{"loss", 1.0 / (e + 1)}});
  }
  const std::string html = nn::report_html(d);
  const std::string mark = "y='226' text-anchor='middle'>";
  std::vector<int> found;
  for (auto at = html.find(mark); at != html.npos; at = html.find(mark, at + 1))
    found.push_back(std::atoi(html.c_str() + at + mark.size()));
  return found;
}

TEST(Report, TicksAreRoundEpochs) {
  EXPECT_EQ(ticks(1), (std::vector<int>{1}));
  EXPECT_EQ(ticks(2), (std::vector<int>{1, 2}));
  EXPECT_EQ(ticks(5), (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(ticks(10), (std::vector<int>{1, 2, 4, 6, 8, 10}));
  EXPECT_EQ(ticks(50), (std::vector<int>{1, 10, 20, 30, 40, 50}));
  EXPECT_EQ(ticks(164), (std::vector<int>{1, 50, 100, 150}));
}

/// What headless Chromium prints about a page: its log, with the console's lines, and the document at the end.
std::string browse(const TemporaryFolder& folder, const std::string& page) {
  const std::string log = folder / "log";
  const std::string command =
      std::string("HOME='") + folder.path() +
      "' '" WEFT_CHROMIUM
      "' --headless --no-sandbox --disable-gpu "
      "--allow-file-access-from-files --enable-logging=stderr --v=0 --virtual-time-budget=3000 --dump-dom "
      "'file://" +
      page + "' > '" + log + "' 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << content(log);
  return content(log);
}

class Browser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string(WEFT_CHROMIUM).empty())
      GTEST_SKIP() << "no Chromium is installed: the report is not opened in a browser";
  }
  TemporaryFolder folder;
};

TEST_F(Browser, ShowsTheReportWithoutAConsoleError) {
  put(folder / "broken.html", "<!DOCTYPE html><title>x</title><script>console.error('it shows')</script>");
  ASSERT_TRUE(contains(browse(folder, folder / "broken.html"), "CONSOLE")) << "this test would not see an error";
  nn::write_report(folder / "report.html", full_report());
  const std::string seen = browse(folder, folder / "report.html");
  EXPECT_FALSE(contains(seen, "CONSOLE")) << seen.substr(0, 2000);
  EXPECT_TRUE(contains(seen, "Most confidently wrong")) << seen.substr(0, 2000);
}

TEST_F(Browser, FitsAPhone) {
  nn::write_report(folder / "report.html", full_report());
  put(folder / "phone.html",
      "<!DOCTYPE html><iframe src='report.html' style='width:360px;height:700px;border:0'></iframe><script>onload=()=>{"
      "const d=document.querySelector('iframe').contentDocument,e=d.documentElement;"
      "document.title='width '+e.clientWidth+' content '+e.scrollWidth+' images '+"
      "[...d.images].every(i=>i.complete&&i.naturalWidth==30&&i.naturalHeight==20)}</script>");
  const std::string seen = browse(folder, folder / "phone.html");
  const auto at = seen.find("<title>");
  ASSERT_NE(at, seen.npos) << seen.substr(0, 2000);
  int width = 0, wide = 0;
  char images[8] = "";
  ASSERT_EQ(std::sscanf(seen.c_str() + at, "<title>width %d content %d images %7[a-z]", &width, &wide, images), 3)
      << seen.substr(at, 200);
  EXPECT_GT(width, 300);
  EXPECT_LE(wide, width) << "the page must not scroll sideways";
  EXPECT_STREQ(images, "true");
}

}  // namespace
}  // namespace weft
