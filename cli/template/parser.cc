#include "cli/template/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/template/functions.h"
#include "cli/template/lexer.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

// A template comes from the command line, but a deep one must not exhaust the stack.
constexpr int depth_limit = 100;

class Parser {
 public:
  explicit Parser(std::string source) : tokens_(lex_template(source)) {
    result_.source = std::move(source);
  }

  ParsedTemplate run() {
    result_.root = parse_nodes("");
    return std::move(result_);
  }

 private:
  // Nodes up to {{end}} or {{else}} (left unread) of `inside`, or to the end of the text.
  Nodes parse_nodes(std::string_view inside) {
    if (++depth_ > depth_limit) fail(peek(), "too many nested actions");
    size_t open = peek().offset;
    Nodes nodes;
    while (!at_block_end(inside)) {
      if (peek().kind == TokenKind::end) {
        if (!inside.empty()) throw_template_error(result_.source, open, "unexpected EOF");
        break;
      }
      Token token = take();
      if (token.kind == TokenKind::text)
        nodes.push_back({Text{std::move(token.text)}});
      else
        parse_action(nodes);
    }
    --depth_;
    return nodes;
  }

  bool at_block_end(std::string_view inside) const {
    if (peek().kind != TokenKind::open || peek(1).kind != TokenKind::identifier) return false;
    bool ends = peek(1).text == "end" || peek(1).text == "else";
    if (ends && inside.empty()) fail(peek(1), fmt::format("unexpected {{{{{}}}}}", peek(1).text));
    return ends;
  }

  void parse_action(Nodes& nodes) {
    if (peek().kind == TokenKind::identifier) {
      const std::string& word = peek().text;
      if (word == "if") return parse_block(nodes, Block::Kind::if_true);
      if (word == "with") return parse_block(nodes, Block::Kind::with);
      if (word == "range") return parse_block(nodes, Block::Kind::range);
      if (word == "define") return parse_define();
      if (word == "template") return parse_invocation(nodes);
      if (word == "block") return parse_named_block(nodes);
      if (word == "break" || word == "continue") return parse_jump(nodes);
    }
    nodes.push_back({Action{parse_pipeline(TokenKind::close)}});
    expect_close();
  }

  // Behind the opening {{: the keyword, the pipeline, the body, {{else …}} and {{end}}.
  void parse_block(Nodes& nodes, Block::Kind kind) {
    Token keyword = take();
    size_t scope = variables_.size();
    Block block;
    block.kind = kind;
    block.pipeline = parse_pipeline(TokenKind::close, kind == Block::Kind::range);
    expect_close();
    loops_ += kind == Block::Kind::range;
    moved_dots_ += kind != Block::Kind::if_true;
    block.body = parse_nodes(keyword.text);
    moved_dots_ -= kind != Block::Kind::if_true;
    loops_ -= kind == Block::Kind::range;
    parse_block_end(block, keyword);
    variables_.resize(scope);
    nodes.push_back({std::move(block)});
  }

  void parse_block_end(Block& block, const Token& keyword) {
    take();  // {{
    if (take().text == "end") return expect_close();
    if (peek().kind == TokenKind::identifier) {
      // {{else if x}} is {{else}}{{if x}} whose {{end}} ends both.
      if (peek().text != keyword.text || block.kind == Block::Kind::range)
        fail(peek(), fmt::format("unexpected <{}> in {{{{else}}}}", peek().text));
      if (++depth_ > depth_limit) fail(peek(), "too many nested actions");
      parse_block(block.otherwise, block.kind);
      --depth_;
      return;
    }
    expect_close();
    block.otherwise = parse_nodes(keyword.text);
    take();
    Token end = take();
    if (end.text != "end") fail(end, "expected {{end}}, found {{else}}");
    expect_close();
  }

  void parse_define() {
    Token keyword = take();
    if (depth_ > 1) fail(keyword, "unexpected {{define}}");
    std::string name = expect(TokenKind::string, "template name").text;
    expect_close();
    result_.definitions[name] = parse_definition(keyword);
  }

  Nodes parse_definition(const Token& keyword) {
    std::vector<std::string> outer = std::exchange(variables_, {"$"});
    Nodes body = parse_nodes(keyword.text);
    take();
    Token end = take();
    if (end.text != "end") fail(end, "unexpected {{else}} in " + keyword.text);
    expect_close();
    variables_ = std::move(outer);
    return body;
  }

  void parse_invocation(Nodes& nodes) {
    Token keyword = take();
    Invocation invocation{expect(TokenKind::string, "template name").text, {}, keyword.offset};
    if (peek().kind != TokenKind::close) invocation.argument = parse_pipeline(TokenKind::close);
    expect_close();
    nodes.push_back({std::move(invocation)});
  }

  void parse_named_block(Nodes& nodes) {
    Token keyword = take();
    Invocation invocation{expect(TokenKind::string, "template name").text, {}, keyword.offset};
    invocation.argument = parse_pipeline(TokenKind::close);
    expect_close();
    result_.definitions[invocation.name] = parse_definition(keyword);
    nodes.push_back({std::move(invocation)});
  }

  void parse_jump(Nodes& nodes) {
    Token keyword = take();
    if (loops_ == 0) fail(keyword, fmt::format("{{{{{}}}}} outside {{{{range}}}}", keyword.text));
    expect_close();
    nodes.push_back({Jump{keyword.text == "break" ? Jump::Kind::leave : Jump::Kind::next}});
  }

  // Up to `closing`, which is left unread.
  Pipeline parse_pipeline(TokenKind closing, bool is_range = false) {
    if (++depth_ > depth_limit) fail(peek(), "too many nested parentheses");
    Pipeline pipeline;
    pipeline.offset = peek().offset;
    std::vector<std::string> declared = parse_variables(pipeline, is_range);
    do {
      pipeline.commands.push_back(parse_command(closing, !pipeline.commands.empty()));
    } while (take_if(TokenKind::pipe));
    variables_.insert(variables_.end(), declared.begin(), declared.end());
    --depth_;
    return pipeline;
  }

  // "$x :=", "$x =", and in range "$i, $x :=". Returns what is declared, which is visible only
  // behind the pipeline.
  std::vector<std::string> parse_variables(Pipeline& pipeline, bool is_range) {
    if (peek().kind != TokenKind::variable) return {};
    bool two = is_range && peek(1).kind == TokenKind::comma && peek(2).kind == TokenKind::variable;
    const Token& sign = peek(two ? 3 : 1);
    if (sign.kind != TokenKind::declare && sign.kind != TokenKind::assign) return {};
    pipeline.declares = sign.kind == TokenKind::declare;
    for (int i = 0; i <= two; ++i) {
      const Token& variable = take();
      if (!pipeline.declares) check_variable(variable);
      pipeline.variables.push_back(variable.text);
      take();  // the comma or the sign
    }
    return pipeline.declares ? pipeline.variables : std::vector<std::string>{};
  }

  Command parse_command(TokenKind closing, bool is_piped) {
    Command command;
    auto ends = [&] {
      TokenKind kind = peek().kind;
      return kind == closing || kind == TokenKind::pipe || kind == TokenKind::close;
    };
    while (!ends()) {
      if (!command.operands.empty() && !peek().space_before)
        fail(peek(), fmt::format("unexpected {} in operand", describe(peek())));
      command.operands.push_back(parse_operand());
    }
    if (command.operands.empty()) fail(peek(), "missing value for command");
    const Operand& first = command.operands[0];
    bool callable = first.kind == Operand::Kind::function || !first.fields.empty();
    if (!callable && first.kind != Operand::Kind::pipeline) {
      if (is_piped)
        throw_template_error(result_.source, first.offset, "non executable command in pipeline");
      if (command.operands.size() > 1)
        throw_template_error(result_.source, first.offset,
                             fmt::format("can't give argument to non-function {}", first.source));
    }
    return command;
  }

  Operand parse_operand() {
    Operand operand = parse_term();
    while (peek().kind == TokenKind::field && !peek().space_before) add_field(operand, take());
    size_t end = tokens_[at_ - 1].offset + tokens_[at_ - 1].text.size();
    if (tokens_[at_ - 1].kind == TokenKind::field) ++end;  // its dot
    if (operand.kind != Operand::Kind::literal)
      operand.source = result_.source.substr(operand.offset, end - operand.offset);
    if (operand.kind == Operand::Kind::literal && !operand.fields.empty())
      throw_template_error(result_.source, operand.offset,
                           fmt::format("unexpected . after term {}", operand.source));
    return operand;
  }

  Operand parse_term() {
    Token token = take();
    Operand operand;
    operand.offset = token.offset;
    operand.source = token.text;
    auto literal = [&](Json json) {
      operand.kind = Operand::Kind::literal;
      operand.literal = Value(std::move(json));
    };
    switch (token.kind) {
      case TokenKind::dot:
        if (moved_dots_ == 0) result_.uses_whole = true;
        break;
      case TokenKind::field:
        add_field(operand, token);
        break;
      case TokenKind::string:
        literal(token.text);
        break;
      case TokenKind::character:
        literal(std::stoll(token.text));
        break;
      case TokenKind::number:
        literal(parse_number(token));
        break;
      case TokenKind::identifier:
        parse_word(operand, token);
        break;
      case TokenKind::variable:
        check_variable(token);
        operand.kind = Operand::Kind::variable;
        operand.name = token.text;
        break;
      case TokenKind::open_parenthesis:
        operand.kind = Operand::Kind::pipeline;
        operand.inner = std::make_shared<Pipeline>(parse_pipeline(TokenKind::close_parenthesis));
        expect(TokenKind::close_parenthesis, "right paren");
        break;
      default:
        fail(token, fmt::format("unexpected {} in operand", describe(token)));
    }
    return operand;
  }

  void parse_word(Operand& operand, const Token& token) {
    if (token.text == "true" || token.text == "false" || token.text == "nil") {
      operand.kind = Operand::Kind::literal;
      operand.literal =
          token.text == "nil" ? Value(Json(nullptr), Shape::pointer) : Value(token.text == "true");
      return;
    }
    if (!is_template_function(token.text))
      fail(token, fmt::format("function \"{}\" not defined", token.text));
    operand.kind = Operand::Kind::function;
    operand.name = token.text;
  }

  void add_field(Operand& operand, const Token& token) {
    operand.fields.push_back(token.text);
    result_.fields.push_back(token.text);
  }

  // Go's literals: 12, -3, 0x1f, 0o17, 0b11, 1_000, 1e3, .5
  Json parse_number(const Token& token) const {
    std::string text = token.text;
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    bool negative = text[0] == '-';
    if (text[0] == '-' || text[0] == '+') text.erase(0, 1);
    int base = 10;
    if (text.size() > 2 && text[0] == '0') {
      constexpr std::string_view letters = "xXoObB";
      size_t i = letters.find(text[1]);
      if (i != letters.npos) {
        base = std::array{16, 8, 2}[i / 2];
        text.erase(0, 2);
      }
    }
    const char* end = text.data() + text.size();
    int64_t integer = 0;
    if (auto [stop, code] = std::from_chars(text.data(), end, integer, base);
        code == std::errc() && stop == end)
      return negative ? -integer : integer;
    double number = 0;
    auto [stop, code] = std::from_chars(text.data(), end, number);
    if (base != 10 || code != std::errc() || stop != end)
      fail(token, fmt::format("bad number syntax: \"{}\"", token.text));
    return negative ? -number : number;
  }

  void check_variable(const Token& token) const {
    if (std::find(variables_.begin(), variables_.end(), token.text) == variables_.end())
      fail(token, fmt::format("undefined variable \"{}\"", token.text));
  }

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    if (at_ < tokens_.size() - 1) ++at_;
    return token;
  }
  bool take_if(TokenKind kind) {
    if (peek().kind != kind) return false;
    take();
    return true;
  }
  const Token& expect(TokenKind kind, std::string_view what) {
    if (peek().kind != kind)
      fail(peek(), fmt::format("unexpected {}; expected {}", describe(peek()), what));
    return take();
  }
  void expect_close() { expect(TokenKind::close, "end of action"); }

  static std::string describe(const Token& token) {
    if (token.kind == TokenKind::end) return "EOF";
    if (token.kind == TokenKind::close) return "end of action";
    return fmt::format("<{}{}>", token.kind == TokenKind::field ? "." : "",
                       token.kind == TokenKind::dot ? "." : token.text);
  }
  [[noreturn]] void fail(const Token& token, const std::string& message) const {
    throw_template_error(result_.source, token.offset, message);
  }

  ParsedTemplate result_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;
  int moved_dots_ = 0;  // bodies of range and with around: "." is not the whole there
  std::vector<std::string> variables_ = {"$"};
};

}  // namespace

ParsedTemplate parse_template(std::string source) {
  return Parser(std::move(source)).run();
}

}  // namespace ctr::cli
