//! A ladder's text, taken apart. Who may stand where:
//!
//! ```text
//! === what this story is about      the next story of the row, in a new world
//! each status: 480 486              the story is played once for each, which stands for {status}
//! .. registered                     what so many stories begin with (see `openings`)
//!
//! => startcall 600                  a program asks, as in docs/api.md; `refused 601` if that is to be its reply
//! <= OnFinalizedCall 486            the programs are told; a SIPError of 0 needs no mention
//!    -> INVITE sip:600@pbx.example  the phone sends; below it header fields, `any`/`no` header fields, and body lines
//!       Route: *;lr>                that it has (see `pattern`); to another than the proxy: @192.0.2.20
//!       sdp, bare                   it has a body, it has none
//!       signed Authorization pw     its digest is by who knows the password
//!    -> 200 INVITE again            byte by byte what was sent before; `-> repeats`: so is all else that was sent
//!    <- 180 INVITE tag=b            the peer answers; `seen=192.0.2.7:4000`: by its Via, `granted=60`: by its Contact
//!    <- INVITE sdp                  the peer asks, with a description of its sound; `@192.0.2.20`: from another place
//!       Contact: <sip:b@192.0.2.9>  what is listed takes the place of defaults; `no` field; `Via+:` one more; body lines
//!       sdp: 192.0.2.20:4000 8 0; a=sendonly; o=2
//!    <- re-INVITE, <- OPTIONS inside      within the latest dialog, `on=a`: that of what was called so; `outside` of it
//!    -> INVITE as a, <- 200 a, <- ACK of=a      messages that have a name
//! ~> use 8/PCMA 192.0.2.20:4000     the leg is told; `~> use nothing`: it has not been told anything new
//! <~ Arrived                        the leg tells
//! wait 32s                          time passes; `wait 60s until sent`: but no more than it takes
//! == no call                        how it looks now: `no call`, `2 calls`, `at rest`
//! config max_calls=1                the phone's configuration; first of all
//! dead 192.0.2.9                    no flow opens to there; `refused 192.0.2.1`: ICMP says that nobody is there
//! address 192.0.2.11                the phone has another address from now on
//! // said to the reader
//! ```
//!
//! Whatever the phone sends or tells is to be in the ladder, before the next thing that it is given: more than that
//! is as wrong as less. What a leg is told may be passed over.

/// One line, and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// `->`, `wait` and so on.
    pub(crate) verb: String,
    /// The rest of the line.
    pub(crate) words: Vec<String>,
    /// The lines below.
    pub(crate) block: Vec<String>,
}

/// What a line may begin with.
const VERBS: [&str; 12] =
    ["=>", "<=", "->", "<-", "~>", "<~", "wait", "==", "config", "dead", "refused", "address"];

impl Step {
    /// The value of a word like `tag=b`.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|it| it == word)
    }

    pub(crate) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// Its line, for the reader.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.verb, self.words.join(" "))
    }
}

/// One thing that happens from a fresh world on.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) title: String,
    pub(crate) steps: Vec<Step>,
}

/// The stories of a ladder.
pub(crate) fn stories(ladder: &str) -> Vec<Story> {
    let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
    for line in ladder.lines() {
        match line.trim().strip_prefix("===") {
            Some(title) => texts.push((title.trim().to_owned(), Vec::new())),
            None if line.trim().is_empty() => {}
            None if texts.is_empty() => texts.push((String::new(), Vec::from([line]))),
            None => texts.last_mut().expect("it isn't empty").1.push(line),
        }
    }
    texts.into_iter().flat_map(|(title, lines)| variants(&title, &lines)).collect()
}

fn variants(title: &str, lines: &[&str]) -> Vec<Story> {
    let each = lines.first().and_then(|line| line.trim().strip_prefix("each "));
    let Some((name, values)) = each.and_then(|each| each.split_once(':')) else {
        let steps = steps(&lines.join("\n"));
        return Vec::from([Story { title: title.to_owned(), steps }]);
    };
    let text = lines[1..].join("\n");
    let variant = |value: &str| {
        let title = format!("{title} ({name} {value})");
        Story { title, steps: steps(&text.replace(&format!("{{{name}}}"), value)) }
    };
    values.split_whitespace().map(variant).collect()
}

/// Long things have a name: `{4000 bytes}`, `{200 vias}`.
fn spell_out(line: &str) -> String {
    let mut line = line.to_owned();
    for (name, one, between) in
        [(" bytes}", "x", ""), (" vias}", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx", ", ")]
    {
        let Some(end) = line.find(name) else { continue };
        let start = line[..end].rfind('{').expect("what is named stands in braces");
        let count = line[start + 1..end].parse().expect("what is named has a number");
        line.replace_range(start..end + name.len(), &vec![one; count].join(between));
    }
    line
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        let line = line.split_once("// ").map_or(line, |(line, _)| line).trim();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if verb.is_empty() {
            continue;
        }
        if verb == ".." {
            steps.extend(self::steps(super::openings::opening(rest.trim())));
        } else if VERBS.contains(&verb) {
            let words = rest.split_whitespace().map(str::to_owned).collect();
            steps.push(Step { verb: verb.to_owned(), words, block: Vec::new() });
        } else {
            let step = steps.last_mut().unwrap_or_else(|| panic!("no verb, and nothing before it: {line}"));
            step.block.push(spell_out(line));
        }
    }
    steps
}
