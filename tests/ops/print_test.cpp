// Texts of tensors; the expected ones are NumPy's (np.set_printoptions(precision=4)) but for "…", true and false.
#include "support/values.h"

#include <cmath>
#include <sstream>

namespace weft::testing {
namespace {

TEST(Print, AlignsColumns) {
  EXPECT_EQ(to_string(tensor({1.0, 2.5, -3.0})), "[ 1.   2.5 -3. ]");
  EXPECT_EQ(to_string(tensor({{1.0, 2.0}, {3.0, 4.25}})), "[[1.   2.  ]\n [3.   4.25]]");
  EXPECT_EQ(to_string(arange(8).reshape({2, 2, 2}) + 1), "[[[1 2]\n  [3 4]]\n\n [[5 6]\n  [7 8]]]");
  EXPECT_EQ(to_string(tensor({1.0 / 3, 2.0 / 3})), "[0.3333 0.6667]");
  EXPECT_EQ(to_string(tensor({100000.0, 123.4567})), "[100000.        123.4567]");
  EXPECT_EQ(to_string(zeros({2})), "[0. 0.]");
  EXPECT_EQ(to_string(tensor(3.5)), "3.5");
}

TEST(Print, TurnsToScientificNotation) {
  EXPECT_EQ(to_string(tensor({0.00001, 1.0})), "[1.e-05 1.e+00]");
  EXPECT_EQ(to_string(tensor({1e9, 1.0, std::nan("")})), "[1.e+09 1.e+00    nan]");
}

TEST(Print, OddNumbersAndTruth) {
  EXPECT_EQ(to_string(tensor({HUGE_VAL, 1.5, std::nan(""), -HUGE_VAL})), "[ inf  1.5  nan -inf]");
  EXPECT_EQ(to_string(tensor({1.0, -1.0}) > 0.0), "[ true false]");
}

TEST(Print, Summarises) {
  EXPECT_EQ(to_string(arange(2000)), "[   0    1    2 … 1997 1998 1999]");
  EXPECT_EQ(
      to_string(arange(10000).reshape({100, 100})),
      "[[   0    1    2 …   97   98   99]\n [ 100  101  102 …  197  198  199]\n [ 200  201  202 …  297  298  299]\n"
      " …\n [9700 9701 9702 … 9797 9798 9799]\n [9800 9801 9802 … 9897 9898 9899]\n"
      " [9900 9901 9902 … 9997 9998 9999]]");
  EXPECT_EQ(to_string(arange(10), {.threshold = 5, .edge_items = 1}), "[0 … 9]");
}

TEST(Print, WrapsLongRows) {
  EXPECT_EQ(to_string(arange(40), {.line_width = 75}),
            "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"
            " 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39]");
}

TEST(Print, NamesWhatIsNotTheDefault) {
  EXPECT_EQ(to_string(tensor({1.0}, {.dtype = f64})), "[1.] (f64)");
  EXPECT_EQ(to_string(tensor({1}, {.dtype = u8, .device = ref()})), "[1] (u8, ref:0)");
  EXPECT_EQ(to_string(zeros({0, 3})), "[] (shape [0, 3])");
  EXPECT_EQ(to_string(Tensor()), "undefined");
  std::ostringstream out;
  out << tensor({1, 2}) << '!';
  EXPECT_EQ(out.str(), "[1 2]!");
}

}  // namespace
}  // namespace weft::testing
