//! Condition operators, keys and values: [`Operator`] and the checks on what stands beside it.

use crate::names::shown;

/// An operator, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) set: Option<Set>,
    pub(crate) kind: Kind,
    /// It holds where the key is missing, because it is negated.
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
    /// `*` and `?` are wildcards in its values.
    pub(crate) wildcards: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    ForAllValues,
    ForAnyValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Date,
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

impl Operator {
    /// Names are the same in either case, as in policies.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unknown = || format!("there is no condition operator {}", shown(text));
        let lower = text.to_ascii_lowercase();
        let (set, rest) = match lower.split_once(':') {
            Some(("forallvalues", rest)) => (Some(Set::ForAllValues), rest),
            Some(("foranyvalue", rest)) => (Some(Set::ForAnyValue), rest),
            Some(_) => return Err(unknown()),
            None => (None, lower.as_str()),
        };
        let (name, if_exists) = match rest.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let &(_, kind, negated, wildcards) = OPERATORS
            .iter()
            .find(|(known, ..)| *known == name)
            .ok_or_else(unknown)?;
        if kind == Kind::Null && (if_exists || set.is_some()) {
            return Err(unknown());
        }
        Ok(Self {
            set,
            kind,
            negated,
            if_exists,
            wildcards,
        })
    }

    /// Whether a value is of the kind that the operator compares.
    pub(crate) fn check(self, value: &str) -> Result<(), String> {
        // A variable may become anything.
        if value.contains("${") {
            return Ok(());
        }
        let (fits, wanted) = match self.kind {
            Kind::Text => (true, ""),
            Kind::Number => (value.parse::<f64>().is_ok(), "a number"),
            Kind::Date => (
                is_date(value),
                "a date such as 2026-11-23T20:00:00Z, or seconds since 1970",
            ),
            Kind::Bool | Kind::Null => (matches!(value, "true" | "false"), "true or false"),
            Kind::Binary => (is_base64(value), "base64"),
            Kind::Ip => (is_ip(value), "an address or a range such as 203.0.113.0/24"),
            Kind::Arn => (value == "*" || value.split(':').count() >= 6, "an ARN"),
        };
        if fits {
            return Ok(());
        }
        Err(format!(
            "the value {} is not {wanted}, which the operator compares",
            shown(value)
        ))
    }
}

/// `prefix:name`, with a tag key behind a slash where it has one.
pub(crate) fn key(key: &str) -> Result<(), String> {
    let wrong = || {
        Err(format!(
            "{} is no condition key: write prefix:Name, such as aws:SourceIp",
            shown(key)
        ))
    };
    let Some((prefix, name)) = key.split_once(':') else {
        return wrong();
    };
    let prefix_fits = prefix
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'_'));
    let name = name.split('/').next().unwrap_or_default();
    let name_fits = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.'));
    if prefix.is_empty() || name.is_empty() || !prefix_fits || !name_fits {
        return wrong();
    }
    Ok(())
}

fn is_date(value: &str) -> bool {
    let epoch =
        value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() && value.len() != 4;
    let shape: String = value
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let (date, time) = shape
        .split_once('T')
        .map_or((shape.as_str(), None), |(date, time)| (date, Some(time)));
    let date_fits = matches!(date, "0000-00-00" | "0000-00" | "0000");
    let time_fits = time.is_none_or(|time| {
        let (clock, zone) = match time.find(['Z', '+', '-']) {
            Some(at) => time.split_at(at),
            None => return false,
        };
        let clock = clock.split('.').next().unwrap_or_default();
        matches!(clock, "00:00" | "00:00:00")
            && matches!(zone, "Z" | "+00:00" | "-00:00" | "+0000" | "-0000")
    });
    epoch || (date_fits && time_fits)
}

fn is_base64(value: &str) -> bool {
    value.len().is_multiple_of(4)
        && value
            .trim_end_matches('=')
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn is_ip(value: &str) -> bool {
    let (address, bits) = value
        .split_once('/')
        .map_or((value, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

/// Name, kind, negated, wildcards. (IAM user guide, "IAM JSON policy elements: Condition operators".)
const OPERATORS: &[(&str, Kind, bool, bool)] = &[
    ("stringequals", Kind::Text, false, false),
    ("stringnotequals", Kind::Text, true, false),
    ("stringequalsignorecase", Kind::Text, false, false),
    ("stringnotequalsignorecase", Kind::Text, true, false),
    ("stringlike", Kind::Text, false, true),
    ("stringnotlike", Kind::Text, true, true),
    ("numericequals", Kind::Number, false, false),
    ("numericnotequals", Kind::Number, true, false),
    ("numericlessthan", Kind::Number, false, false),
    ("numericlessthanequals", Kind::Number, false, false),
    ("numericgreaterthan", Kind::Number, false, false),
    ("numericgreaterthanequals", Kind::Number, false, false),
    ("dateequals", Kind::Date, false, false),
    ("datenotequals", Kind::Date, true, false),
    ("datelessthan", Kind::Date, false, false),
    ("datelessthanequals", Kind::Date, false, false),
    ("dategreaterthan", Kind::Date, false, false),
    ("dategreaterthanequals", Kind::Date, false, false),
    ("bool", Kind::Bool, false, false),
    ("binaryequals", Kind::Binary, false, false),
    ("ipaddress", Kind::Ip, false, false),
    ("notipaddress", Kind::Ip, true, false),
    ("arnequals", Kind::Arn, false, true),
    ("arnlike", Kind::Arn, false, true),
    ("arnnotequals", Kind::Arn, true, true),
    ("arnnotlike", Kind::Arn, true, true),
    ("null", Kind::Null, false, false),
];
