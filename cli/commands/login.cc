// ctr login and ctr logout: credentials for a registry, kept where Docker's client keeps them.
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/credential_helper.h"
#include "cli/json_member.h"
#include "cli/raw_terminal.h"
#include "cli/registry_auth.h"
#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

struct LoginOptions {
  std::string server, username, password;
  bool password_stdin = false;
};

// How config.json and the helpers call it; Docker Hub's name is historical.
std::string server_key(const std::string& server) {
  bool is_hub = server.empty() || server == "docker.io" || server == "index.docker.io" ||
                server == "registry-1.docker.io";
  if (is_hub) return "https://index.docker.io/v1/";
  std::string key = server;
  for (std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.erase(0, scheme.size());
  return key.substr(0, key.find('/'));
}

std::string read_line(size_t limit) {
  std::string line;
  char c = 0;
  while (line.size() < limit &&
         sys::retry_on_signal([&] { return ::read(STDIN_FILENO, &c, 1); }) == 1 && c != '\n')
    line += c;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// The typed letters are not shown.
std::string ask_secretly(Context& context, std::string_view question) {
  context.out(question);
  context.flush();
  termios saved{};
  sys::check(::tcgetattr(STDIN_FILENO, &saved), "tcgetattr");
  termios silent = saved;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  std::string answer = read_line(4096);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
  context.out("\n");
  return answer;
}

void ask_for_what_is_missing(Context& context, LoginOptions& options) {
  const auto refuse = [](const char* why) {
    throw sys::Error(sys::ErrorKind::invalid_argument, why);
  };
  if (options.password_stdin) {
    if (!options.password.empty()) refuse("--password and --password-stdin are mutually exclusive");
    if (options.username.empty()) refuse("must provide --username with --password-stdin");
    options.password = sys::read_all(STDIN_FILENO, 64 << 10, "standard input");
    while (options.password.ends_with('\n') || options.password.ends_with('\r'))
      options.password.pop_back();
  }
  const bool asks = options.username.empty() || options.password.empty();
  if (asks && !is_terminal(STDIN_FILENO))
    refuse("cannot ask for a password without a terminal: use --username and --password-stdin");
  if (options.username.empty()) {
    context.out("Username: ");
    context.flush();
    options.username = read_line(256);
  }
  if (options.password.empty()) options.password = ask_secretly(context, "Password: ");
  if (options.username.empty() || options.password.empty())
    refuse("username and password must not be empty");
}

json read_config(const std::string& directory) {
  json config = json::parse(find_client_config(directory).value_or("{}"), nullptr, false);
  if (!config.is_object())
    throw sys::Error(sys::ErrorKind::invalid_argument, "config.json of the client is not valid");
  return config;
}

void write_config(const std::string& directory, const json& config) {
  std::string place = client_config_directory(directory);
  sys::make_directories(place, 0700);
  sys::write_atomically(place + "/config.json", config.dump(1, '\t') + "\n", 0600,
                        sys::Durability::across_power_cut);
}

void keep(Context& context, const std::string& key, const LoginOptions& options,
          const std::string& identity_token) {
  const std::string& directory = context.options.config_directory;
  json config = read_config(directory);
  if (auto helper = find_helper_name(config.dump(), key)) {
    bool is_token = !identity_token.empty();
    store_in_helper(
        *helper, key,
        {is_token ? "<token>" : options.username, is_token ? identity_token : options.password});
    config["auths"][key] = json::object();
  } else {
    context.warning_line("your credentials are stored unencrypted in '" +
                         client_config_directory(directory) + "/config.json'");
    json entry = {{"auth", encode_base64(options.username + ":" + options.password)}};
    if (!identity_token.empty())
      entry = {{"auth", encode_base64(options.username + ":")}, {"identitytoken", identity_token}};
    config["auths"][key] = entry;
  }
  write_config(directory, config);
}

void log_in(Context& context, LoginOptions options) {
  ask_for_what_is_missing(context, options);
  const std::string key = server_key(options.server);
  json answer = context.client().post_json(
      "/auth",
      {{"username", options.username}, {"password", options.password}, {"serveraddress", key}});
  keep(context, key, options, string_member(answer, "IdentityToken"));
  context.out_line(string_member(answer, "Status"));
}

void log_out(Context& context, const std::string& server) {
  const std::string key = server_key(server);
  json config = read_config(context.options.config_directory);
  const bool known = object_member(config, "auths").contains(key);
  if (!known) {
    context.out_line("Not logged in to " + key);
    return;
  }
  context.out_line("Removing login credentials for " + key);
  if (auto helper = find_helper_name(config.dump(), key)) erase_from_helper(*helper, key);
  config["auths"].erase(key);
  write_config(context.options.config_directory, config);
}

}  // namespace

void add_login(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<LoginOptions>();
  CLI::App* command = parent.add_subcommand(name, "Log in to a registry (Docker Hub by default)");
  command->add_option("-u,--username", options->username, "User")->type_name("NAME");
  command
      ->add_option("-p,--password", options->password,
                   "Password; whoever lists processes sees it: better use --password-stdin")
      ->type_name("PASSWORD");
  command->add_flag("--password-stdin", options->password_stdin,
                    "Read the password from standard input");
  command->add_option("SERVER", options->server);
  command->callback([&context, options] { log_in(context, *options); });
}

void add_logout(CLI::App& parent, Context& context, std::string name) {
  auto server = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand(name, "Forget the credentials for a registry");
  command->add_option("SERVER", *server);
  command->callback([&context, server] { log_out(context, *server); });
}

}  // namespace ctr::cli
