// Where intermediate buffers lie in a plan's arena.
#include <algorithm>

#include <sys/mman.h>

#include <weft/base/error.h>
#include <weft/graph/plan.h>

namespace weft {

Arena::~Arena() { free(); }

void Arena::free() {
  if (data_) ::munmap(data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
}

void Arena::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  free();
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(p != MAP_FAILED, "out of memory: the plan of a compiled step needs ", bytes, " bytes for its intermediate values; make "
        "the batch smaller, or run eagerly");
  ::madvise(p, bytes, MADV_HUGEPAGE);  // a hint: a step walks through all of it, and small pages cost it 3 %
  data_ = p;
  bytes_ = bytes;
}

namespace {
constexpr std::int64_t alignment = 64;

/// A buffer that needs a place, and the steps from its first to its last use.
struct Piece {
  std::size_t buffer;
  std::int64_t bytes;
  std::size_t first, last;
  std::int64_t offset = -1;
};

std::vector<Piece> pieces_of(const Program& program) {
  std::vector<Piece> pieces;
  std::vector<std::size_t> piece(program.buffers.size(), program.buffers.size());
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    const ProgramStep& step = program.steps[s];
    for (const BufferView& v : step.outputs) {
      const auto b = static_cast<std::size_t>(v.buffer);
      if (program.buffers[b].kind != BufferKind::intermediate) continue;
      if (const int over = program.buffers[b].over; over >= 0) {  // lives on in that buffer's place
        piece[b] = piece[static_cast<std::size_t>(over)];
        pieces[piece[b]].last = s;
        continue;
      }
      piece[b] = pieces.size();
      pieces.push_back({b, (program.buffers[b].bytes + alignment - 1) / alignment * alignment, s, s});
    }
    for (const BufferView& v : step.inputs)
      if (const std::size_t p = piece[static_cast<std::size_t>(v.buffer)]; p < pieces.size()) pieces[p].last = s;
  }
  return pieces;
}
}  // namespace

MemoryPlan plan_memory(const Program& program) {
  MemoryPlan plan{std::vector<std::int64_t>(program.buffers.size(), -1), 0};
  std::vector<Piece> pieces = pieces_of(program);
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.bytes > b.bytes; });
  std::vector<const Piece*> placed;  // in order of their offsets
  for (Piece& p : pieces) {
    std::int64_t at = 0;
    for (const Piece* o : placed) {
      if (program.shares_memory && (o->last < p.first || p.last < o->first)) continue;  // never alive together
      if (at + p.bytes <= o->offset) break;                  // fits before it
      at = std::max(at, o->offset + o->bytes);
    }
    p.offset = plan.offset[p.buffer] = at;
    plan.bytes = std::max(plan.bytes, static_cast<std::size_t>(at + p.bytes));
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &p, [](const Piece* a, const Piece* b) { return a->offset < b->offset; }), &p);
  }
  for (const ProgramStep& step : program.steps)
    for (const BufferView& v : step.outputs)
      if (const int over = program.buffers[static_cast<std::size_t>(v.buffer)].over; over >= 0)
        plan.offset[static_cast<std::size_t>(v.buffer)] = plan.offset[static_cast<std::size_t>(over)];
  return plan;
}

}  // namespace weft
