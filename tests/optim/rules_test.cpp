// Each rule against its formula in scalar double loops, and against PyTorch's and Keras's results.
#include <algorithm>
#include <cmath>

#include "reference.h"

namespace weft::optim {
namespace {

using test::start;

/// A rule's formula for one number: what it remembers is in `s`.
struct Scalar {
  double s[4] = {};
};
using Formula = std::function<double(Scalar& state, double p, double g, int t)>;

std::vector<double> loop(const Formula& formula, int steps) {
  std::vector<double> p = start;
  std::vector<Scalar> state(p.size());
  for (int t = 1; t <= steps; ++t)
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = formula(state[i], p[i], test::gradient(t, i, p[i]), t);
  return p;
}

void expect_follows(const Rule& rule, const Formula& formula) {
  SCOPED_TRACE(to_string(rule));
  test::expect_near(test::train(rule, 100), loop(formula, 100), 1e-12);
}

TEST(Rules, SgdFollowsItsFormula) {
  expect_follows(SGD{.lr = 0.1}, [](Scalar&, double p, double g, int) { return p - 0.1 * g; });
  expect_follows(SGD{.lr = 0.05, .momentum = 0.9, .dampening = 0.2, .weight_decay = 0.01},
                 [](Scalar& m, double p, double g, int t) {
                   g += 0.01 * p;
                   m.s[0] = t == 1 ? g : 0.9 * m.s[0] + 0.8 * g;
                   return p - 0.05 * m.s[0];
                 });
  expect_follows(SGD{.lr = 0.05, .momentum = 0.9, .nesterov = true}, [](Scalar& m, double p, double g, int) {
    m.s[0] = 0.9 * m.s[0] + g;
    return p - 0.05 * (g + 0.9 * m.s[0]);
  });
}

double adam(Scalar& m, double p, double g, int t, double lr, double b1, double b2, bool amsgrad) {
  m.s[0] = b1 * m.s[0] + (1 - b1) * g;
  m.s[1] = b2 * m.s[1] + (1 - b2) * g * g;
  m.s[2] = amsgrad ? std::max(m.s[2], m.s[1]) : m.s[1];
  const double mean = m.s[0] / (1 - std::pow(b1, t)), square = m.s[2] / (1 - std::pow(b2, t));
  return p - lr * mean / (std::sqrt(square) + 1e-8);
}

TEST(Rules, AdamAndAdamWFollowTheirFormulas) {
  expect_follows(Adam{.lr = 0.02},
                 [](Scalar& m, double p, double g, int t) { return adam(m, p, g, t, 0.02, 0.9, 0.999, false); });
  expect_follows(
      Adam{.lr = 0.02, .betas = {0.8, 0.95}, .weight_decay = 0.1, .amsgrad = true},
      [](Scalar& m, double p, double g, int t) { return adam(m, p, g + 0.1 * p, t, 0.02, 0.8, 0.95, true); });
  expect_follows(AdamW{.lr = 0.02}, [](Scalar& m, double p, double g, int t) {
    return adam(m, p * (1 - 0.02 * 0.01), g, t, 0.02, 0.9, 0.999, false);
  });
  expect_follows(AdamW{.lr = 0.02, .amsgrad = true}, [](Scalar& m, double p, double g, int t) {
    return adam(m, p * (1 - 0.02 * 0.01), g, t, 0.02, 0.9, 0.999, true);
  });
}

TEST(Rules, RmspropFollowsItsFormula) {
  expect_follows(RMSprop{}, [](Scalar& m, double p, double g, int) {
    m.s[0] = 0.99 * m.s[0] + 0.01 * g * g;
    return p - 0.01 * g / (std::sqrt(m.s[0]) + 1e-8);
  });
  expect_follows(RMSprop{.lr = 0.02, .alpha = 0.9, .weight_decay = 0.05, .momentum = 0.5, .centered = true},
                 [](Scalar& m, double p, double g, int) {
                   g += 0.05 * p;
                   m.s[0] = 0.9 * m.s[0] + 0.1 * g * g;
                   m.s[1] = 0.9 * m.s[1] + 0.1 * g;
                   m.s[2] = 0.5 * m.s[2] + g / (std::sqrt(m.s[0] - m.s[1] * m.s[1]) + 1e-8);
                   return p - 0.02 * m.s[2];
                 });
  expect_follows(RMSprop{.centered = true}, [](Scalar& m, double p, double g, int) {
    m.s[0] = 0.99 * m.s[0] + 0.01 * g * g;
    m.s[1] = 0.99 * m.s[1] + 0.01 * g;
    return p - 0.01 * g / (std::sqrt(m.s[0] - m.s[1] * m.s[1]) + 1e-8);
  });
}

TEST(Rules, AdagradAndAdadeltaFollowTheirFormulas) {
  expect_follows(Adagrad{.lr = 0.1, .lr_decay = 0.01, .weight_decay = 0.02, .initial_accumulator_value = 0.3},
                 [](Scalar& m, double p, double g, int t) {
                   g += 0.02 * p;
                   m.s[0] += g * g + (t == 1 ? 0.3 : 0);
                   return p - 0.1 / (1 + 0.01 * (t - 1)) * g / (std::sqrt(m.s[0]) + 1e-10);
                 });
  expect_follows(Adadelta{.weight_decay = 0.02}, [](Scalar& m, double p, double g, int) {
    g += 0.02 * p;
    m.s[0] = 0.9 * m.s[0] + 0.1 * g * g;
    const double step = std::sqrt(m.s[1] + 1e-6) / std::sqrt(m.s[0] + 1e-6) * g;
    m.s[1] = 0.9 * m.s[1] + 0.1 * step * step;
    return p - step;
  });
}

TEST(Rules, RelativesOfAdamFollowTheirFormulas) {
  expect_follows(Adamax{.lr = 0.02, .weight_decay = 0.02}, [](Scalar& m, double p, double g, int t) {
    g += 0.02 * p;
    m.s[0] = 0.9 * m.s[0] + 0.1 * g;
    m.s[1] = std::max(0.999 * m.s[1], std::fabs(g) + 1e-8);
    return p - 0.02 / (1 - std::pow(0.9, t)) * m.s[0] / m.s[1];
  });
  for (const bool apart : {false, true}) {
    expect_follows(NAdam{.lr = 0.02, .weight_decay = 0.02, .decoupled_weight_decay = apart}, [=](Scalar& m, double p,
                                                                                                 double g, int t) {
      if (apart) p *= 1 - 0.02 * 0.02;
      else g += 0.02 * p;
      if (t == 1) m.s[2] = 1;
      const double mu = 0.9 * (1 - 0.5 * std::pow(0.96, t * 0.004)),
                   next = 0.9 * (1 - 0.5 * std::pow(0.96, (t + 1) * 0.004));
      m.s[2] *= mu;
      m.s[0] = 0.9 * m.s[0] + 0.1 * g;
      m.s[1] = 0.999 * m.s[1] + 0.001 * g * g;
      const double size = std::sqrt(m.s[1] / (1 - std::pow(0.999, t))) + 1e-8;
      return p - 0.02 * (1 - mu) / (1 - m.s[2]) * g / size - 0.02 * next / (1 - m.s[2] * next) * m.s[0] / size;
    });
    expect_follows(RAdam{.lr = 0.02, .weight_decay = 0.02, .decoupled_weight_decay = apart}, [=](Scalar& m, double p,
                                                                                                 double g, int t) {
      if (apart) p *= 1 - 0.02 * 0.02;
      else g += 0.02 * p;
      m.s[0] = 0.9 * m.s[0] + 0.1 * g;
      m.s[1] = 0.999 * m.s[1] + 0.001 * g * g;
      const double mean = m.s[0] / (1 - std::pow(0.9, t)), seen = 1 - std::pow(0.999, t);
      const double longest = 2 / 0.001 - 1, rho = longest - 2 * t * std::pow(0.999, t) / seen;
      if (rho <= 5) return p - 0.02 * mean;
      const double r = std::sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho));
      return p - 0.02 * mean * r * std::sqrt(seen) / (std::sqrt(m.s[1]) + 1e-8);
    });
  }
  expect_follows(Lion{.lr = 0.01, .weight_decay = 0.1}, [](Scalar& m, double p, double g, int) {
    p *= 1 - 0.01 * 0.1;
    const double c = 0.9 * m.s[0] + 0.1 * g;
    m.s[0] = 0.99 * m.s[0] + 0.01 * g;
    return p - 0.01 * (c > 0 ? 1 : c < 0 ? -1 : 0);
  });
}

TEST(Rules, MuonFollowsItsFormula) {
  // The same in plain loops on a 2 x 3 matrix, in float64.
  using Matrix = std::vector<std::vector<double>>;
  const auto times = [](const Matrix& a, const Matrix& b) {
    Matrix c(a.size(), std::vector<double>(b[0].size()));
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < b[0].size(); ++j)
        for (std::size_t k = 0; k < b.size(); ++k) c[i][j] += a[i][k] * b[k][j];
    return c;
  };
  const std::vector<double> from = {0.5, -1.25, 2.0, 0.1, -0.75, 0.3};
  std::vector<double> p = from, buffer(6);
  for (int t = 1; t <= 20; ++t) {
    Matrix x(2, std::vector<double>(3)), xt(3, std::vector<double>(2));
    double norm = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      const double g = test::gradient(t, i, p[i]);
      buffer[i] = 0.95 * buffer[i] + 0.05 * g;
      x[i / 3][i % 3] = 0.05 * g + 0.95 * buffer[i];
      norm += x[i / 3][i % 3] * x[i / 3][i % 3];
    }
    for (auto& row : x)
      for (double& v : row) v /= std::sqrt(norm);
    for (int step = 0; step < 5; ++step) {
      for (std::size_t i = 0; i < 6; ++i) xt[i % 3][i / 3] = x[i / 3][i % 3];
      const Matrix gram = times(x, xt), square = times(gram, gram);
      Matrix mix = gram;
      for (std::size_t i = 0; i < 4; ++i)
        mix[i / 2][i % 2] = -4.775 * gram[i / 2][i % 2] + 2.0315 * square[i / 2][i % 2];
      const Matrix turned = times(mix, x);
      for (std::size_t i = 0; i < 6; ++i) x[i / 3][i % 3] = 3.4445 * x[i / 3][i % 3] + turned[i / 3][i % 3];
    }
    for (std::size_t i = 0; i < 6; ++i) p[i] = p[i] * (1 - 0.02 * 0.1) - 0.02 * x[i / 3][i % 3];
  }
  test::expect_near(test::train(Muon{.lr = 0.02}, 20, {2, 3}, from), p, 1e-11);
  // torch.optim.Muon(lr = 0.02) of PyTorch 2.15 after 100 steps; it orthogonalises in bfloat16, hence the tolerance.
  test::expect_near(test::train(Muon{.lr = 0.02}, 100, {2, 3}, from),
                    {0.03198018645844812, -0.3617136510671654, 0.6494068555590164, 0.06172499606984668,
                     0.022977648508624608, -0.09043814204670195},
                    0.02);
  // Tall matrices are turned: the transpose of the wide case, times sqrt(rows / columns).
  EXPECT_EQ(test::train(Muon{}, 3, {3, 2}, from).size(), 6u);
  EXPECT_THROW(test::train(Muon{}, 1), Error);
}

TEST(Rules, MuonTakesVectorsAlongTheirMeanGradientWhereAsked) {
  expect_follows(Muon{.lr = 0.02, .vector_lr_scale = 10}, [](Scalar& m, double p, double g, int) {
    m.s[0] = 0.95 * m.s[0] + 0.05 * g;
    return p - 0.2 * (0.05 * g + 0.95 * m.s[0]);
  });
  EXPECT_EQ(test::train(make("muon"), 1).size(), 5u) << "by its name it takes a whole network";
  EXPECT_THROW((Muon{.vector_lr_scale = -1}.validate()), Error);
}

TEST(Rules, AgreeWithPyTorchOver100Steps) {
  struct Case {
    Rule rule;
    std::vector<double> expected;
    double relative = 1e-12;
  };
  // torch.optim of PyTorch 2.15 with the same options, start and gradients, in float64.
  const std::vector<Case> cases = {
      {SGD{.lr = 0.1},
       {0.1551650707763389, 0.3288105405980756, 0.22294762780654126, -0.10749641677687229, -0.33234786511327846}},
      {SGD{.lr = 0.05, .momentum = 0.9, .dampening = 0.2, .weight_decay = 0.01},
       {-0.3616583115664137, 0.16755383657287698, 0.5560060071817465, 0.42184244732644804, -0.09622049068568546}},
      {SGD{.lr = 0.05, .momentum = 0.9, .nesterov = true},
       {-0.24082447977987337, 0.4939409254903722, 0.7710714476169712, 0.34229880708155186, -0.4022220362811541}},
      {Adam{.lr = 0.02},
       {0.051003833268825446, -0.4122851149256483, 0.7398423304979622, 0.10788743946361071, -0.16907757093163284}},
      {Adam{.lr = 0.02, .betas = {0.8, 0.95}, .weight_decay = 0.1, .amsgrad = true},
       {0.05459368310511563, -0.3845058894428098, 0.7899036558141149, 0.09229763624091444, -0.18043709967858554}},
      {AdamW{.lr = 0.02},
       {0.04923318292285841, -0.40205299414749185, 0.7222431945431681, 0.10604276600135856, -0.16516305558472733}},
      {RMSprop{},
       {0.06448446598397897, -0.3799003663571974, 0.8005564842542677, 0.1545834067222847, -0.24089403956527844}},
      {RMSprop{.lr = 0.02, .alpha = 0.9, .weight_decay = 0.05, .momentum = 0.5, .centered = true},
       {0.021439921227051725, 0.13053449836051503, 0.20296830176785008, 0.023405028417574473, -0.1632790116083533}},
      {Adagrad{.lr = 0.1, .lr_decay = 0.01, .weight_decay = 0.02, .initial_accumulator_value = 0.3},
       {0.09659848698065873, -0.5678809875784122, 1.0600109808979192, 0.1695800271871555, -0.29505703470506206}},
      {Adadelta{.weight_decay = 0.02},
       {0.39436964358436977, -0.9480752551157172, 1.7720500520094509, 0.0875762521435925, -0.6441694249525788}},
      {Adamax{.lr = 0.02, .weight_decay = 0.02},
       {0.11828210648251553, -0.6938714516011757, 1.1272618479590986, 0.1242899245731664, -0.27974121848325406}},
      {NAdam{.lr = 0.02, .weight_decay = 0.02},
       {0.1113752670937202, -0.33795837224941805, 0.8044901548750124, 0.0590825881108694, -0.24627006398418902},
       1e-6},  // PyTorch keeps the product of momenta in float32
      {NAdam{.lr = 0.02, .weight_decay = 0.02, .decoupled_weight_decay = true},
       {0.11199880389202316, -0.3348545640063437, 0.7834525446186087, 0.059933369717868744, -0.24662329846540582},
       1e-6},  // PyTorch keeps the product of momenta in float32
      {RAdam{.lr = 0.02, .weight_decay = 0.02},
       {0.3408371142700081, -1.0971498102063457, 1.6387977982066462, 0.1227611155651033, -0.5183554475908988}},
      {Adafactor{.lr = 0.05, .weight_decay = 0.1},
       {0.07279690215947755, -0.1133241350663306, 0.4070414413802079, 0.040765067764945706, -0.175792428984789}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(to_string(c.rule));
    test::expect_near(test::train(c.rule, 100), c.expected, c.relative);
  }
  const std::vector<double> from = {0.5, -1.25, 2.0, 0.1, -0.75, 0.3};
  test::expect_near(test::train(Adafactor{.lr = 0.05}, 100, {2, 3}, from),
                    {0.08994727199792465, -0.1943515871372749, 0.5960868577710885, 0.020031471241725246,
                     -0.19377823283976495, -0.04755015734884117},
                    1e-10);
}

TEST(Rules, KerasPresetsAgreeWithKeras) {
  // keras.optimizers of Keras 3.15 in float64: 20 steps with gradients a millionth as large, where eps is felt.
  // (Its Adamax adds eps a little later; its decoupled decay uses the plain learning rate.)
  struct Case {
    Rule rule;
    std::vector<double> expected;
    double relative = 1e-6;
  };
  const std::vector<Case> cases = {
      {keras::adam(0.02),
       {0.44157887593949496, -1.2710722402661239, 2.0335981361494633, 0.16009800093901652, -0.7218302167722451},
       1e-12},
      {keras::adamw(0.02),
       {0.4408542220317034, -1.2690181694230047, 2.0303901774303004, 0.15986624652790316, -0.7206928808656993},
       1e-9},
      {keras::rmsprop(0.02),
       {0.5000005017417558, -1.2499494738650108, 2.0000540970150995, 0.10000793138402425, -0.7500455263766485}},
      {keras::adagrad(0.02),
       {0.5000000005021238, -1.249999949473533, 2.000000054097009, 0.100000007931011, -0.7500000455267225}},
      {keras::adadelta(0.5),
       {0.5000000039697737, -1.2499996005529725, 2.0000004276745176, 0.10000006270004763, -0.7500003599205869}},
      {keras::adamax(0.02),
       {0.36650527220533996, -1.327574126626713, 2.019855609233682, 0.2318142085533574, -0.6591865739943129},
       1e-4},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(to_string(c.rule));
    std::vector<Parameter> p;
    p.push_back(Parameter(test::vector(start)));
    Optimizer opt{p, c.rule};
    for (int t = 1; t <= 20; ++t) {
      std::vector<double> g;
      for (std::size_t i = 0; i < 5; ++i) g.push_back(1e-6 * test::gradient(t, i, 0));
      nn::Gradients gradients;
      gradients.parameters.push_back(p[0].share());
      gradients.values.push_back(test::vector(g));
      opt.step(gradients);
    }
    test::expect_near(test::values(p[0]), c.expected, c.relative);
  }
}

TEST(Rules, KeepTheParametersDtype) {
  for (const std::string& name : rule_names())
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      if (name == "muon") continue;
      std::vector<Parameter> p;
      p.push_back(Parameter(test::vector(start).to(dtype)));
      Optimizer opt{p, make(name)};
      for (int t = 1; t <= 3; ++t) opt.step(test::gradients(p, t));
      EXPECT_EQ(p[0].tensor().dtype(), dtype) << name;
      for (double v : test::values(p[0])) EXPECT_TRUE(std::isfinite(v)) << name << " in " << name_of(dtype);
    }
}

TEST(Rules, AreMadeByName) {
  EXPECT_EQ(make("AdamW", {.lr = 0.5}).lr(), 0.5);
  EXPECT_EQ(make("adamw").weight_decay(), 0.01);
  EXPECT_EQ(make("sgd", {.momentum = 0.9}).get<SGD>()->momentum, 0.9);
  EXPECT_THROW(make("adam", {.momentum = 0.9}), Error);
  try {
    make("admw");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean 'adamw'"), std::string::npos) << e.what();
  }
  EXPECT_EQ(to_string(Rule(Adam{})),
            "Adam(lr = 0.001, betas = (0.9, 0.999), eps = 1e-08, weight_decay = 0, amsgrad = 0, keras = 0)");
}

TEST(Rules, RefuseBadOptions) {
  EXPECT_THROW(Rule(Adam{.lr = -1}), Error);
  EXPECT_THROW(Rule(Adam{.betas = {0.9, 1.0}}), Error);
  EXPECT_THROW(Rule(SGD{.nesterov = true}), Error);
  EXPECT_THROW(Rule(RMSprop{.alpha = 1}), Error);
  EXPECT_THROW(Rule(Lion{.lr = std::nan("")}), Error);
}

/// A user's own rule: no registration, no base class.
struct SignSGD {
  double lr = 1e-2;
  std::vector<Slot> slots(const Shape&) const { return {}; }
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor>, const Step& at) const {
    return p - sign(g) * at.lr;
  }
};

TEST(Rules, TakeAnyTypeOfTheRightShape) {
  const std::vector<double> p = test::train(SignSGD{}, 1);
  for (std::size_t i = 0; i < p.size(); ++i)
    EXPECT_DOUBLE_EQ(p[i], start[i] - (test::gradient(1, i, start[i]) > 0 ? 0.01 : -0.01));
  EXPECT_EQ(Rule(SignSGD{}).name(), "SignSGD");
}

}  // namespace
}  // namespace weft::optim
