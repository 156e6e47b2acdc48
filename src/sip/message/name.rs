//! Names of header fields, long and compact (RFC 3261 §7.3.3, §20).

use core::fmt;

macro_rules! names {
    ($($variant:ident = $text:literal $(/ $compact:literal)?,)*) => {
        /// The name of a header field. Two names are equal without regard to case.
        #[derive(Clone, Copy, Debug)]
        pub enum Name<'a> {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// Any other, as written.
            Other(&'a str),
        }

        /// Known names, their long and compact forms; the frequent ones first, as the table is searched in order.
        const KNOWN: &[(Name<'static>, &str, &str)] = &[
            $((Name::$variant, $text, names!(@compact $($compact)?)),)*
        ];

        impl<'a> Name<'a> {
            /// The long form of a known name, or the other name as written.
            pub const fn as_str(self) -> &'a str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// The known name that this is, even where it was made as `Other`.
            pub(super) fn as_known(self) -> Option<Name<'static>> {
                match self {
                    $(Self::$variant => Some(Name::$variant),)*
                    Self::Other(text) => Self::known(text),
                }
            }
        }
    };
    (@compact $compact:literal) => { $compact };
    (@compact) => { "" };
}

names! {
    Via = "Via" / "v",
    From = "From" / "f",
    To = "To" / "t",
    CallId = "Call-ID" / "i",
    CSeq = "CSeq",
    Contact = "Contact" / "m",
    MaxForwards = "Max-Forwards",
    ContentLength = "Content-Length" / "l",
    ContentType = "Content-Type" / "c",
    Allow = "Allow",
    Supported = "Supported" / "k",
    UserAgent = "User-Agent",
    Server = "Server",
    Route = "Route",
    RecordRoute = "Record-Route",
    Expires = "Expires",
    Authorization = "Authorization",
    ProxyAuthorization = "Proxy-Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
    AuthenticationInfo = "Authentication-Info",
    Accept = "Accept",
    Require = "Require",
    ProxyRequire = "Proxy-Require",
    Unsupported = "Unsupported",
    ContentDisposition = "Content-Disposition",
    ContentEncoding = "Content-Encoding" / "e",
    MinExpires = "Min-Expires",
    RetryAfter = "Retry-After",
    Timestamp = "Timestamp",
    Warning = "Warning",
    Date = "Date",
    Reason = "Reason",
    ReferTo = "Refer-To" / "r",
    ReferredBy = "Referred-By" / "b",
    Replaces = "Replaces",
    ReferSub = "Refer-Sub",
    Event = "Event" / "o",
    AllowEvents = "Allow-Events" / "u",
    SubscriptionState = "Subscription-State",
    SessionExpires = "Session-Expires" / "x",
    MinSe = "Min-SE",
    RSeq = "RSeq",
    RAck = "RAck",
    Subject = "Subject" / "s",
    CallInfo = "Call-Info",
    AlertInfo = "Alert-Info",
    PAssertedIdentity = "P-Asserted-Identity",
    PPreferredIdentity = "P-Preferred-Identity",
    Privacy = "Privacy",
    Diversion = "Diversion",
    HistoryInfo = "History-Info",
    UserToUser = "User-to-User",
    Path = "Path",
    ServiceRoute = "Service-Route",
    AnswerMode = "Answer-Mode",
    Join = "Join",
    MimeVersion = "MIME-Version",
    Organization = "Organization",
    Priority = "Priority",
}

impl<'a> Name<'a> {
    /// Finds the name that `text` is the long or compact form of, without regard to case.
    pub fn parse(text: &'a str) -> Self {
        Self::known(text).unwrap_or(Self::Other(text))
    }

    /// The known name, if `text` is one.
    fn known(text: &str) -> Option<Name<'static>> {
        let is_it = |&&(_, long, compact): &&(Name<'static>, &str, &str)| match text.len() {
            1 => compact.eq_ignore_ascii_case(text),
            _ => long.eq_ignore_ascii_case(text),
        };
        KNOWN.iter().find(is_it).map(|&(name, _, _)| name)
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(other)) => one.eq_ignore_ascii_case(other),
            _ => core::mem::discriminant(self) == core::mem::discriminant(other),
        }
    }
}

impl Eq for Name<'_> {}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
