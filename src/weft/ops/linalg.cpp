#include <weft/ops/linalg.h>

#include <algorithm>

#include <weft/ops/ops.h>

namespace weft {

Tensor bmm(Operand a, Operand b) {
  const Shape &x = a.tensor().shape(), &y = b.tensor().shape();
  check(x.rank() == 3 && y.rank() == 3 && x[0] == y[0], "bmm: shapes ", x, " and ", y,
        "; expected [b, n, k] and [b, k, m] with one b");
  return matmul(a, b);
}
Tensor dot(Operand a, Operand b) {
  const Shape &x = a.tensor().shape(), &y = b.tensor().shape();
  check(x.rank() == 1 && x == y, "dot: shapes ", x, " and ", y,
        "; expected vectors of one length");
  return matmul(a, b);
}
Tensor outer(Operand a, Operand b) {
  check(a.tensor().rank() == 1 && b.tensor().rank() == 1, "outer: shapes ", a.tensor().shape(), " and ",
        b.tensor().shape(), "; expected vectors");
  return unsqueeze(a, 1) * b;
}

namespace {

/// The axes of a tensor by name: letters, and numbers from 1000 on for those that "..." stands for.
using Labels = std::vector<int>;

struct Labelled {
  Tensor tensor;
  Labels labels;
};

bool has(const Labels& labels, int l) { return std::find(labels.begin(), labels.end(), l) != labels.end(); }

/// Sums the axes that `wanted` does not name.
template <class F> Labelled sum_unless(const Labelled& x, F&& wanted) {
  Dims gone;
  Labels left;
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    if (wanted(x.labels[i])) left.push_back(x.labels[i]);
    else gone.push_back(static_cast<std::int64_t>(i));
  }
  return {gone.empty() ? x.tensor : sum(x.tensor, gone), left};
}

Tensor ordered(const Labelled& x, const Labels& order) {
  Dims axes;
  bool same = true;
  for (int l : order) {
    axes.push_back(std::find(x.labels.begin(), x.labels.end(), l) - x.labels.begin());
    same &= axes.back() == axes.size() - 1;
  }
  return same ? x.tensor : permute(x.tensor, axes);
}

/// The product of two tensors summed over the axes that both have and `keep` does not name.
Labelled contract(Labelled a, Labelled b, const Labels& keep) {
  a = sum_unless(a, [&](int l) { return has(b.labels, l) || has(keep, l); });
  b = sum_unless(b, [&](int l) { return has(a.labels, l) || has(keep, l); });
  Labels batch, inner, left, right;
  for (int l : a.labels) (!has(b.labels, l) ? left : has(keep, l) ? batch : inner).push_back(l);
  for (int l : b.labels)
    if (!has(a.labels, l)) right.push_back(l);
  Shape out;
  const auto size = [](const Labelled& x, int l) {
    return x.tensor.shape()[static_cast<int>(std::find(x.labels.begin(), x.labels.end(), l) - x.labels.begin())];
  };
  const auto total = [&](const Labelled& x, const Labels& labels, bool kept) {
    std::int64_t n = 1;
    for (int l : labels) {
      n *= size(x, l);
      if (kept) out.push_back(size(x, l));
    }
    return n;
  };
  const std::int64_t nb = total(a, batch, true), nl = total(a, left, true), nr = total(b, right, true),
                     ni = total(a, inner, false);
  const auto joined = [](Labels x, const Labels& y, const Labels& z) {
    x.insert(x.end(), y.begin(), y.end());
    x.insert(x.end(), z.begin(), z.end());
    return x;
  };
  const Tensor x = reshape(ordered(a, joined(batch, left, inner)), {nb, nl, ni});
  const Tensor y = reshape(ordered(b, joined(batch, inner, right)), {nb, ni, nr});
  return {reshape(matmul(x, y), out), joined(batch, left, right)};
}

/// A letter twice: the diagonal of its two axes, as its one axis at the end.
Labelled take_diagonals(Labelled x) {
  for (std::size_t i = 0; i < x.labels.size(); ++i)
    for (std::size_t j = i + 1; j < x.labels.size(); ++j) {
      if (x.labels[i] != x.labels[j]) continue;
      const int label = x.labels[i];
      const std::int64_t n = x.tensor.shape()[static_cast<int>(i)], other = x.tensor.shape()[static_cast<int>(j)];
      check(n == other, "an operand of shape ", x.tensor.shape(), " names one axis twice, of sizes ", n, " and ",
            other);
      const Tensor moved = moveaxis(x.tensor, {static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)}, {-2, -1});
      Shape flat(std::span<const std::int64_t>(moved.shape().begin(), moved.shape().end() - 2));
      flat.push_back(n * n);
      x.tensor = slice(reshape(moved, flat), -1, 0, slice_end, n + 1);
      x.labels.erase(x.labels.begin() + static_cast<std::ptrdiff_t>(j));
      x.labels.erase(x.labels.begin() + static_cast<std::ptrdiff_t>(i));
      x.labels.push_back(label);
      return take_diagonals(std::move(x));
    }
  return x;
}

class Einsum {
 public:
  Einsum(const std::string& equation, const std::vector<Tensor>& operands) {
    for (char c : equation)
      if (c != ' ') text_ += c;
    const auto arrow = text_.find("->");
    const std::string inputs = text_.substr(0, arrow);
    std::size_t begin = 0;
    for (std::size_t k = 0;; ++k) {
      const auto comma = inputs.find(',', begin);
      terms_.push_back(inputs.substr(begin, comma == inputs.npos ? comma : comma - begin));
      if (comma == inputs.npos) break;
      begin = comma + 1;
    }
    check(terms_.size() == operands.size(), "'", text_, "' names ", terms_.size(), " operands; received ",
          operands.size());
    for (std::size_t k = 0; k < terms_.size(); ++k)
      hidden_ = std::max(hidden_, hidden_in(terms_[k], operands[k].rank()));
    for (std::size_t k = 0; k < terms_.size(); ++k) add(terms_[k], operands[k]);
    if (arrow == text_.npos) imply();
    else output_ = parse(text_.substr(arrow + 2), hidden_);
    check_output();
  }

  Tensor evaluate() {
    Labelled total = operands_[0];
    for (std::size_t k = 1; k < operands_.size(); ++k) {
      Labels keep = output_;
      for (std::size_t j = k + 1; j < operands_.size(); ++j)
        keep.insert(keep.end(), operands_[j].labels.begin(), operands_[j].labels.end());
      total = contract(total, operands_[k], keep);
    }
    return ordered(sum_unless(total, [&](int l) { return has(output_, l); }), output_);
  }

 private:
  static constexpr int first_hidden = 1000;

  static int hidden_in(const std::string& term, int rank) {
    const auto letters = static_cast<int>(std::count_if(term.begin(), term.end(), [](char c) { return c != '.'; }));
    const bool open = term.find('.') != term.npos;
    check(open ? rank >= letters : rank == letters, "'", term, "' names ", letters, " axes; the operand has ", rank);
    return rank - letters;
  }
  /// Labels of a term whose "..." stands for the last `hidden` of the hidden axes.
  Labels parse(const std::string& term, int hidden) const {
    Labels labels;
    for (std::size_t i = 0; i < term.size(); ++i) {
      const char c = term[i];
      if (c == '.') {
        check(term.compare(i, 3, "...") == 0 && term.find('.', i + 3) == term.npos, "'", term, "' in '", text_,
              "'; expected letters and at most one '...'");
        for (int h = hidden_ - hidden; h < hidden_; ++h) labels.push_back(first_hidden + h);
        i += 2;
        continue;
      }
      check((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), "'", std::string(1, c), "' in '", text_,
            "'; expected letters, ',', '...' and '->'");
      labels.push_back(c);
    }
    return labels;
  }
  void add(const std::string& term, const Tensor& x) {
    Labelled operand{x, parse(term, hidden_in(term, x.rank()))};
    for (std::size_t i = 0; i < operand.labels.size(); ++i) {
      const int l = operand.labels[i];
      const std::int64_t n = x.shape()[static_cast<int>(i)];
      auto known = std::find_if(sizes_.begin(), sizes_.end(), [&](const auto& s) { return s.first == l; });
      if (known == sizes_.end()) sizes_.push_back({l, n});
      else if (known->second == 1) known->second = n;  // an axis of size 1 broadcasts
      else
        check(known->second == n || n == 1, "sizes ", known->second, " and ", n, " for ",
              l >= first_hidden ? std::string("an axis of '...'") : "'" + std::string(1, static_cast<char>(l)) + "'",
              " in '", text_, "'");
    }
    operands_.push_back(take_diagonals(std::move(operand)));
  }
  void imply() {
    for (int h = 0; h < hidden_; ++h) output_.push_back(first_hidden + h);
    std::string letters;
    for (const std::string& term : terms_)
      for (char c : term)
        if (c != '.') letters += c;
    std::sort(letters.begin(), letters.end());
    for (char c : letters)
      if (std::count(letters.begin(), letters.end(), c) == 1) output_.push_back(c);
  }
  void check_output() {
    for (std::size_t i = 0; i < output_.size(); ++i) {
      const int l = output_[i];
      bool known = false;
      for (const auto& s : sizes_) known |= s.first == l;
      check(known, "the result of '", text_, "' names '", std::string(1, static_cast<char>(l)),
            "', which no operand has");
      check(std::find(output_.begin() + static_cast<std::ptrdiff_t>(i) + 1, output_.end(), l) == output_.end(),
            "the result of '", text_, "' names an axis twice");
    }
    for (Labelled& x : operands_) {  // axes of size 1 broadcast
      Shape to;
      for (std::size_t i = 0; i < x.labels.size(); ++i)
        for (const auto& s : sizes_)
          if (s.first == x.labels[i]) to.push_back(s.second);
      x.tensor = broadcast_to(x.tensor, to);
    }
  }

  std::string text_;
  std::vector<std::string> terms_;
  int hidden_ = 0;
  std::vector<Labelled> operands_;
  std::vector<std::pair<int, std::int64_t>> sizes_;
  Labels output_;
};

}  // namespace

Tensor tensordot(Operand a, Operand b, const Dims& axes_a, const Dims& axes_b) {
  const Tensor &x = a.tensor(), &y = b.tensor();
  check(axes_a.size() == axes_b.size(), "tensordot: axes ", axes_a, " and ", axes_b,
        "; expected lists of equal length");
  Labels la, lb, keep;
  for (int i = 0; i < x.rank(); ++i) la.push_back(i);
  for (int i = 0; i < y.rank(); ++i) lb.push_back(max_rank + i);
  for (int k = 0; k < axes_a.size(); ++k) {
    const int i = normalize_axis(axes_a[k], x.rank()), j = normalize_axis(axes_b[k], y.rank());
    check(x.shape()[i] == y.shape()[j], "tensordot: axis ", i, " of ", x.shape(), " and axis ", j, " of ",
          y.shape(), " differ in size");
    lb[static_cast<std::size_t>(j)] = i;
  }
  for (int l : la)
    if (!has(lb, l)) keep.push_back(l);
  for (int l : lb)
    if (l >= max_rank) keep.push_back(l);
  return contract({x, la}, {y, lb}, keep).tensor;
}
Tensor tensordot(Operand a, Operand b, int axes) {
  check(axes >= 0 && axes <= a.tensor().rank() && axes <= b.tensor().rank(), "tensordot: ", axes, " axes of ",
        a.tensor().shape(), " and ", b.tensor().shape());
  Dims last, first;
  for (int i = 0; i < axes; ++i) {
    last.push_back(a.tensor().rank() - axes + i);
    first.push_back(i);
  }
  return tensordot(a, b, last, first);
}
Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands) {
  try {
    check(!operands.empty(), "received no operands; expected at least one");
    return Einsum(equation, operands).evaluate();
  } catch (Error& e) {
    e.in("einsum");
    throw;
  }
}

}  // namespace weft
