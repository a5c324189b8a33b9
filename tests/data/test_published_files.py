"""Files in the shapes of well-known public data: following the first advice of each error leads to numbers.

A user runs `rnncheck run FILE`, adds the options that the error names first, and runs it again.
"""

import re
import shlex
from typing import Any

import numpy as np
import pytest

from rnncheck.cli.options import RunOptions
from rnncheck.cli.plans import file_data
from rnncheck.errors import DataError

MOST_STEPS = 5
HOURS = range(24)
DAYS = range(1, 21)


def lines(*first: str, rows: list[str], last: tuple[str, ...] = (), end: str = "\n") -> str:
    return end.join([*first, *rows, *last]) + end


# Each with the number of columns of numbers that must be left, and of rows.
FILES: dict[str, tuple[str | bytes, int, int]] = {
    "UCI auto-mpg": (
        lines(
            rows=[
                f'{18 + i}.0   8   307.0      {"?" if i == 3 else "130.0"}      3504.  70  1\t"car no {i}"'
                for i in DAYS
            ]
        ),
        7,
        19,
    ),
    "UCI air quality": (
        lines(
            "Date;Time;CO(GT);PT08;NMHC;T;RH;;",
            rows=[f"10/03/2004;{h:02d}.00.00;{'-200' if h == 5 else f'2,{h}'};13{h};150;13,{h};48,9;;" for h in HOURS],
            last=(";;;;;;;;",) * 3,
            end="\r\n",
        ),
        5,
        24,
    ),
    "UCI household power": (
        lines(
            "Date;Time;Global_active_power;Voltage",
            rows=[f"16/12/2006;17:{m:02d}:00;{'?' if m == 7 else 4.216};{234 + m / 10}" for m in HOURS],
        ),
        2,
        23,
    ),
    "UCI electricity load": (
        lines('"";"MT_001";"MT_002"', rows=[f'"2011-01-01 00:{m:02d}:00";{m},5;1,{m}' for m in HOURS]),
        2,
        24,
    ),
    "UCI Beijing PM2.5": (
        lines(
            "No,year,month,hour,pm2.5,DEWP,cbwd,Iws",
            rows=[f"{h + 1},2010,1,{h},{'NA' if h < 9 else 129},-21,{'NW' if h % 2 else 'cv'},1.79" for h in HOURS],
        ),
        7,
        15,
    ),
    "UCI iris": (lines(rows=[f"5.{i},3.5,1.4,0.2,Iris-{'ab'[i % 2]}" for i in DAYS], last=("",)), 4, 20),
    "UCI adult": (lines(rows=[f"{20 + i}, Private, {77516 + i}, Bachelors, 13, <=50K" for i in DAYS]), 3, 20),
    "UCI seeds": (
        lines(rows=[f"15.26\t14.84\t0.871\t5.{i}\t\t1" if i == 7 else f"15.26\t14.84\t0.871\t5.{i}\t1" for i in DAYS]),
        5,
        20,
    ),
    "NASA GISTEMP": (
        lines(
            "Land-Ocean: Global Means",
            "Year,Jan,Feb,Mar",
            rows=[f"{1880 + i},-.{i:02d},.{i:02d},{'***' if i == 14 else '.1'}" for i in DAYS],
        ),
        4,
        19,
    ),
    "NOAA Mauna Loa": (
        lines(
            "# Mauna Loa, monthly mean",
            "#  decimal",
            "#",
            rows=[f"  1958   {i}    1958.{i}      31{i}.71    {'-99.99' if i == 4 else '314.4'}" for i in DAYS],
        ),
        5,
        20,
    ),
    "NOAA climate at a glance": (
        lines(
            "Global Land and Ocean, January",
            "Units: Degrees Celsius",
            "Missing: -999",
            "Year,Anomaly",
            rows=[f"{1880 + i},-0.{i}" for i in DAYS],
        ),
        2,
        20,
    ),
    "NOAA station": (
        lines("STATION,DATE,PRCP,TMAX", "", rows=[f'"USW1","2020-01-{i:02d}",0.{i},"{i}"' for i in DAYS]),
        2,
        20,
    ),
    "USGS water": (
        lines(
            "# US Geological Survey",
            "#",
            "agency_cd\tsite_no\tdatetime\tflow\tflow_cd",
            "5s\t15s\t20d\t14n\t10s",
            rows=[f"USGS\t0123\t2020-01-{i:02d}\t{'Ice' if i == 3 else i * 10}\tA" for i in DAYS],
        ),
        2,
        19,
    ),
    "SILSO sunspots": (
        lines(rows=[f"1818;01;{i:02d};1818.00{i}; {i if i > 5 else -1};  -1.0;   0;1" for i in DAYS]),
        8,
        20,
    ),
    "SILSO sunspots as text": (
        lines(
            rows=[f"1749 {i:02d} 1749.0{i}   96.{i}  -1.0    -1 1" for i in DAYS],
            last=("1749 12 1749.9   96.7  -1.0   -1 1 *",),
        ),
        7,
        20,
    ),
    "daily minimum temperatures": (
        lines(
            '"Date","Daily minimum temperatures in Melbourne"',
            rows=[f'"1981-01-{i:02d}",{"?" if i == 8 else ""}{20 - i}.7' for i in DAYS],
            last=("", "Daily minimum temperatures in Melbourne, Australia, 1981-1990"),
        ),
        1,
        20,
    ),
    "airline passengers": (
        lines(
            '"Month","International airline passengers: monthly totals in thousands. Jan 49 ? Dec 60"',
            rows=[f'"1949-{i % 12 + 1:02d}",{112 + i}' for i in DAYS],
            last=("", "International airline passengers: monthly totals in thousands. Jan 49 ? Dec 60", "", ""),
        ),
        1,
        20,
    ),
    "Jena climate": (
        lines('"Date Time","p (mbar)","T (degC)"', rows=[f"01.01.2009 00:{i:02d}:00,996.52,-8.{i}" for i in DAYS]),
        2,
        20,
    ),
    "ETT": (lines("date,HUFL,OT", rows=[f"2016-07-01 {h:02d}:00:00,5.82,30.5" for h in HOURS]), 2, 24),
    "Yahoo stock": (
        lines(
            "Date,Open,Close,Volume",
            rows=[f"2020-01-{i:02d},{'null,null,null' if i == 3 else '1.5,2.5,100'}" for i in DAYS],
        ),
        3,
        19,
    ),
    "yfinance": (
        lines(
            "Price,Close,High,Volume",
            "Ticker,AAPL,AAPL,AAPL",
            "Date,,,",
            rows=[f"2020-01-{i:02d},1.5,2.5,100" for i in DAYS],
        ),
        3,
        20,
    ),
    "NASDAQ": (
        lines("Date,Close/Last,Volume,Open", rows=[f"01/{i:02d}/2020,$75.{i:02d},135647456,$74.06" for i in DAYS]),
        3,
        20,
    ),
    "investing.com": (
        lines(
            '"Date","Price","Open","Vol.","Change %"',
            rows=[f'"Jan {i:02d}, 2020","1,{200 + i}.50","1,100.00","1.{i}K","-0.{i}%"' for i in DAYS],
        ),
        3,
        20,
    ),
    "investing.com in Europe": (
        lines('"Data","Price","Change %"', rows=[f'"{i:02d}.01.2020","1.{200 + i},50","-0,{i}%"' for i in DAYS]),
        2,
        20,
    ),
    "FRED": (lines("DATE,VALUE", rows=[f"2020-01-{i:02d},{'.' if i == 1 else i}" for i in DAYS]), 1, 19),
    "World Bank": (
        lines(
            '"Data Source","World Development Indicators",',
            "",
            '"Last Updated Date","2020-01-01",',
            "",
            '"Country Name","Country Code","1960","1961","1962",',
            rows=[f'"Land {i}","L{i}","{i}.5","{"" if i == 2 else i}","{i}.25",' for i in DAYS],
        ),
        3,
        19,
    ),
    "Eurostat": (
        lines(
            "freq,unit,geo\\TIME\t2010 \t2011 ",
            rows=[f"A,PC,{g}T\t{i}.5 \t{':' if i == 4 else i} " for i, g in enumerate("ABCDEFGH")],
        ),
        2,
        7,
    ),
    "M4": (lines('"id","V1","V2","V3"', rows=[f'"M{i}",{8000 + i},{i},{"" if i % 3 else i}' for i in DAYS]), 3, 6),
    "Google trends": (
        lines("Category: All categories", "", "Week,rnn: (Worldwide)", rows=[f"2020-01-{i:02d},{i}" for i in DAYS]),
        1,
        20,
    ),
    "Our World in Data": (lines("Entity,Code,Year,Share (%)", rows=[f"Africa,,{1990 + i},{i}.5" for i in DAYS]), 2, 20),
    "Excel, UTF-16 and tabs": (lines("a\tb", rows=[f"{i}\t{i * 2}" for i in DAYS], end="\r\n").encode("utf-16"), 2, 20),
    "Excel, sep= and a BOM": (
        ("\ufeff" + lines("sep=;", "a;b", rows=[f"{i};{i},5" for i in DAYS], end="\r\n")).encode(),
        2,
        20,
    ),
    "Excel, a title over empty cells": (
        lines("My title,,,", ",,,", "t,a,b,c", rows=[f"{i},{i},2,3" for i in DAYS]),
        4,
        20,
    ),
    "Excel, empty rows and columns behind": (
        lines("a,b,,", rows=[f"{i},{i * 2},," for i in DAYS], last=(",,,", ",,,")),
        2,
        20,
    ),
    "Latin-1 and thousands": (lines("größe;b", rows=[f"1.{200 + i},5;{i}" for i in DAYS]).encode("latin-1"), 2, 20),
    "thousands in quotes": (lines("month,pop", rows=[f'{i},"1,{200 + i},000"' for i in DAYS]), 2, 20),
    "Swiss thousands": (lines("a;b", rows=[f"1'2{i:02d}.5;{i}" for i in DAYS]), 2, 20),
    "percent and currency": (lines("a,b", rows=[f"{i}%,€{i}.5" for i in DAYS]), 2, 20),
    "truth values and categories": (lines("ok,kind,x", rows=[f"{i % 2 == 0},k{i % 3},{i}" for i in DAYS]), 1, 20),
    "an empty column": (lines("a,note,b", rows=[f"{i},,{i}" for i in DAYS]), 2, 20),
    "a column of NA": (lines("a,note,b", rows=[f"{i},NA,{i}" for i in DAYS]), 2, 20),
    "a column of --": (lines("a,note,b", rows=[f"{i},--,{i}" for i in DAYS]), 2, 20),
    "all of one name": (lines("x,x,x", rows=[f"{i},{i},{i}" for i in DAYS]), 1, 20),
    "numbered columns behind names": (lines(",0,1", rows=[f"r{i},{i},{i}" for i in DAYS]), 2, 20),
    "two kinds of header": (lines("temp,hum", "°C,%", rows=[f"{i},{i * 2}" for i in DAYS]), 2, 20),
    "a preamble with a comma": (
        lines(
            "Station: Kiel",
            "Exported 2020-01-01, by hand",
            "",
            "when,temp,hum",
            ",degC,pct",
            rows=[f"2020-01-{i:02d} 00:00,{i}.5,{i * 2}" for i in DAYS],
        ),
        2,
        20,
    ),
    "a preamble as wide as the data": (
        lines("Exported 2020-01-01, by hand", "a,b", rows=[f"{i},{i * 2}" for i in DAYS]),
        2,
        20,
    ),
    "a preamble of keys and values": (
        lines("station,Kiel", "height,5", "t,a,b", rows=[f"{i},{i * 2},3" for i in DAYS]),
        3,
        20,
    ),
    "a footer": (lines("a,b", rows=[f"{i},{i * 2}" for i in DAYS], last=("", "Source: World Bank")), 2, 20),
    "a footer with commas": (
        lines("a,b", rows=[f"{i},{i * 2}" for i in DAYS], last=("Source: a, b, c", "and more")),
        2,
        20,
    ),
    "a footer as wide as the data": (
        lines("a,b", rows=[f"{i},{i * 2}" for i in DAYS], last=("Source: World Bank,",)),
        2,
        20,
    ),
    "R's row names": (lines('"a" "b"', rows=[f'"{i}" {i} {i * 2}' for i in DAYS]), 3, 20),
    "comments behind %": (lines("% made by", "%", rows=[f"{i}\t{i}" for i in DAYS]), 2, 20),
    "a header behind #": (lines("#t,a,note", rows=[f"{i},{i},x" for i in DAYS]), 2, 20),
    "np.savetxt": (lines("# t a b", rows=[f"{i}.0e+00 1.5e+00 2.5e+00" for i in DAYS]), 3, 20),
    "bars": (lines("a|b|t", rows=[f"{i}|{i}|12:0{i % 10}" for i in DAYS]), 2, 20),
    "tabs in a .csv, with words": (
        lines("t\tcity\ta", rows=[f"2020-01-01 00:{i:02d}\tNew York\t{i}" for i in DAYS]),
        1,
        20,
    ),
    "a date without a header": (lines(rows=[f"2020-01-{i:02d},{i},{i + 1}" for i in DAYS]), 2, 20),
    "dates as names": (lines("Country,1/22/20,1/23/20", rows=[f"Land {i},{i},{i + 1}" for i in DAYS]), 2, 20),
    "years and a label, without a header": (lines(rows=[f"{i},0,1,{'gb'[i % 2]}" for i in DAYS]), 3, 20),
    "a name with a comma": (lines('"city, land",a', rows=[f"x{i},{i}" for i in DAYS]), 1, 20),
    "separators behind rows, not the header": (lines("a,b", rows=[f"{i},{i * 2}," for i in DAYS]), 2, 20),
    "months in words": (lines("t,a", rows=[f"{i:02d}-Jan-2020,{i}" for i in DAYS]), 1, 20),
    "am and pm": (lines("day,time,a", rows=[f"1/{i}/2020,{i % 12}:00 PM,{i}" for i in DAYS]), 1, 20),
    "most values missing": (
        lines("a,b,c", rows=[f"{i},{i if i % 2 else ''},{'' if i % 2 else i}" for i in DAYS]),
        3,
        20,
    ),
    "names with blanks, dropped twice": ("a day,b,c\n2020-01-01,1,--\n2020-01-02,2,--\n", 1, 2),
    "a cell of a no-break space": ("a,b\n1,2\n3,\u00a0\n", 2, 1),
    "a marker among few rows": ("a,b\n1,2\n3,?\n5,6\n", 2, 2),
    "a word as marker": ("a,b\n1,2\n3,invalid\n5,6\n", 2, 2),
    "an error of Excel": ("a,b\n1,2\n#DIV/0!,4\n5,6\n", 2, 2),
    "below what can be measured": ("a,b\n1,2\n<0.5,4\n5,6\n", 2, 2),
    "a title over names": (lines("Title,,", "id,a,b", rows=[f"row{i},{i},{i}.5" for i in DAYS]), 2, 20),
    "a title over data": (lines("Title;;", rows=[f"1/{i}/2020;{i};{i}.5" for i in DAYS]), 2, 20),
    "numbers with signs, without a header": (lines(rows=[f"€{i},€{i},€-{i}" for i in DAYS]), 3, 20),
    "a NaN": ("a,b\n1,nan\n3,4\n5,6\n", 2, 2),
    "an infinity": ("a,b\n1,inf\n3,4\n5,6\n", 2, 2),
    "two decimal marks": (lines("t,a,b", rows=[f'{i},"{i},5",{i}.5%' for i in DAYS]), 2, 20),
    "a second table": (lines("a,b", rows=[f"{i},{i}" for i in DAYS], last=("", "c,d,e", "1,2,3", "4,5,6")), 2, 20),
    "columns of text": ("site,name,a\nx,y,1\nx,z,2\n", 1, 2),
    "dates, semicolons, decimal commas": ("t;a\n2020-01-01;1,5\n2020-01-02;2,5\n", 1, 2),
    "a line above": ("exported from a logger\na,b\n1,2\n3,4\n", 2, 2),
    "units": ("a,b\nm/s,K\n1,2\n3,4\n", 2, 2),
    "aligned": ("a    b  c\n1  2      3\n4   5    6\n", 3, 2),
    "two numbers with thousands": ('a,b\n"1,234",2\n"5,678",3\n', 2, 2),
    "a comment, units, dates, decimals": ("# by\nt;a;b\n;C;%\n2020-01-01;1,200;?\n2020-01-02;1,300;4\n", 2, 1),
    "no header, and a label": ("5.1,3.5,iris\n4.9,3.0,iris\n4.7,3.2,rose\n", 2, 3),
    "no header, a label, a number twice": ("1,0,1,g\n2,1,0.5,b\n3,1,0.7,g\n", 3, 3),
}

# What no option reads, with what is said.
HOPELESS = {
    "text alone": ("d,n\n2020-01-01,foo\n2020-01-02,bar\n", "every column holds text: write numbers instead"),
    "the header again": ("a,b\n1,2\na,b\n3,4\n", "it is the header again: remove this line"),
    "a marker with a comma": ('a,b\n1,2\n3,"x,y"\n5,6\n', "leave the column out with --drop b"),
    "a no-break space beside a number": ("a,b\n1,2\n3,\u00a04\n5,6\n", "a blank beside it is none of a keyboard"),
    "a remark behind one row": (
        lines("a,b", rows=[f"{i},{i}" + ",x" * (i == 9) for i in DAYS]),
        "give every row the same",
    ),
    "Fortran's exponents": ("a,b\n1.5D+03,2\n2.5D+03,4\n", "write the exponent with e, as in 1.5e+03"),
    "thousands without quotes": ("t,a\n1,1,200\n2,1,300\n", "give every row the same number of cells"),
    "ragged rows": ("a,b\n1,2\n3\n4,5\n", "give every row the same number of cells"),
    "brackets for a minus": ("a,b\n1,2\n(3),4\n5,6\n", "if brackets stand for a minus, write '-'"),
}


@pytest.mark.parametrize("name", FILES)
def test_following_the_first_advice_leads_to_numbers(name: str, write_data: Any) -> None:
    content, columns, rows = FILES[name]
    path, options = write_data(content), dict[str, Any]()
    for _ in range(MOST_STEPS + 1):
        try:
            sequences = file_data(path, RunOptions(**options))
            x = np.concatenate(list(sequences.chunks(9)))
        except DataError as problem:
            message = str(problem)
            assert len(message) < 300
            new = first_advice(message)
            assert {**options, **new} != options, f"it goes round: {message}"
            options |= new
            continue
        assert x.shape[2] == columns
        assert x.shape[0] == rows
        return
    pytest.fail(f"no end: {options}")


@pytest.mark.parametrize("name", HOPELESS)
def test_what_no_option_reads_is_said(name: str, write_data: Any, refusal: Any) -> None:
    content, said = HOPELESS[name]
    assert said in refusal(write_data(content))


VALUE = r"""(?:,(?=[\s;]|$)|(?:'[^']*'|"[^"]*"|[^\s;,'"]|,(?=\S))+)"""


def first_advice(message: str) -> dict[str, Any]:
    """The options that an error names first, as `RunOptions` takes them."""
    start = re.search(r"(?<=[ (])--[a-z]", message)
    assert start, message
    rest, found = message[start.start() :], dict[str, Any]()
    while each := re.match(rf"--([a-z-]+)(?: +(?!--)({VALUE}))?\s*", rest):
        name, value, rest = each[1].replace("-", "_"), each[2] or "", rest[each.end() :]
        if name in ("no_header", "header", "skip_blank"):
            found[name.removeprefix("no_")] = name != "no_header"
            break
        (read,) = shlex.split(value)
        found[name] = int(read) if name.endswith("_row") else read
    return found
