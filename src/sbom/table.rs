//! A table for people.

use std::fmt::Write as _;

use anstyle::Style;

use super::build::PLATFORM;
use super::document::{Component, Document, Presence};
use super::packages;
use crate::report::escape::visible;

/// Columns of a cell at most; the last one may be as long as it is.
const CELL_MAX: usize = 60;

/// Writes the packages, one per line.
pub(super) fn write(document: &Document, color: bool) -> String {
    let mut out = String::new();
    let (bold, plain) = if color {
        (Style::new().bold().render().to_string(), Style::new().bold().render_reset().to_string())
    } else {
        (String::new(), String::new())
    };
    let _ = writeln!(out, "{bold}{}{plain}", visible(&document.name));
    let rows: Vec<[String; 5]> = packages(document).map(row).collect();
    if rows.is_empty() {
        let root =
            document.components.iter().filter(|component| document.root.as_deref() != Some(component.id.as_str()));
        if document.property(PLATFORM) == Some("index") {
            for image in root {
                let platform = image.property("imgguard:image:platform").unwrap_or_default();
                let _ =
                    writeln!(out, "{:<16} {}", visible(platform), visible(image.purl.as_deref().unwrap_or_default()));
            }
        } else {
            out.push_str("no packages\n");
        }
    } else {
        let head = ["NAME", "VERSION", "TYPE", "LAYER", "LICENCE"].map(str::to_owned);
        let widths: Vec<usize> = (0..4)
            .map(|column| {
                let cells = rows.iter().chain([&head]).map(|row| row[column].chars().count());
                cells.max().unwrap_or_default().min(CELL_MAX)
            })
            .collect();
        let mut line = |row: &[String; 5], style: (&str, &str)| {
            let mut text = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let shown: String = if cell.chars().count() > *width {
                    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
                } else {
                    cell.clone()
                };
                let _ = write!(text, "{shown:<width$}  ");
            }
            text.push_str(&row[4]);
            let _ = writeln!(out, "{}{}{}", style.0, text.trim_end(), style.1);
        };
        line(&head, (&bold, &plain));
        for row in &rows {
            line(row, ("", ""));
        }
        let _ = writeln!(out, "{} packages", rows.len());
    }
    for unknown in &document.unknowns {
        let _ = writeln!(out, "not seen: {}", visible(unknown));
    }
    out
}

fn row(component: &Component) -> [String; 5] {
    let presence = match component.presence {
        Presence::Installed => "",
        Presence::Removed => " (removed)",
        Presence::Declared => " (declared)",
        Presence::Claimed => " (claimed)",
    };
    let kind = component.property("imgguard:package:type").or_else(|| {
        component.purl.as_deref().and_then(|purl| purl.strip_prefix("pkg:")).and_then(|rest| rest.split('/').next())
    });
    let licence = component.concluded_licence.as_ref().or(component.declared_licence.as_ref());
    let licence = licence.cloned().unwrap_or_else(|| component.raw_licences.join(", "));
    let layer = component.property("imgguard:layer:introduced").unwrap_or("-");
    [
        format!("{}{presence}", visible(&component.name)),
        visible(component.version.as_deref().unwrap_or("-")).into_owned(),
        visible(kind.unwrap_or("-")).into_owned(),
        visible(layer).into_owned(),
        visible(&licence).into_owned(),
    ]
}
